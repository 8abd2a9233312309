"""The capture page: a browser on this machine records one clip and hands it to govd, by a door of its own."""
