"""What a registry is: pure values and rules. No I/O, no YAML, no git, no clock."""
