"""Changes: pure functions from a snapshot to edits and the sentence that describes them."""
