"""What requests and answers of all dialects share."""
