"""The commands, one file a group; a file is imported when one of its commands is called."""
