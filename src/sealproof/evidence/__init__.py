"""Evidence: recorded values, hashes, the test-set ledger and experiment tracking. Imports no other room."""
