"""From a clip to a truth file in minutes: draft tracks, a contact sheet, names by eye."""
