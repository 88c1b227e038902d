"""Pictures and the faces in them: boxes, landmarks, crops and how good they are."""
