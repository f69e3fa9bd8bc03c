"""The conformance suite: cases, the targets they examine, and reports of what was found."""
