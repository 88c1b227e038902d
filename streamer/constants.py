"""Numbers that the rooms share; they load nothing."""

CROP_SIZE = 96
"""Side of the network's input in pixels (nn4.small2, OpenFace)."""

EMBEDDING_SIZE = 128
"""Numbers in an embedding (nn4.small2, OpenFace)."""

HISTORY_FILE = "history/history.sqlite3"
"""Where the history is below the data folder."""

WEBHOOKS_FILE = "webhooks/queue.sqlite3"
"""Where what is to be delivered is below the data folder."""

DEFAULT_CASCADE = "haarcascade_frontalface_alt2.xml"
"""Ships with OpenCV 4."""

CAMERA_LEASE_S = 3.0
"""A camera whose tracks have not been heard of for so long has nobody before it any more."""
