"""govconsole: the operator's terminal. It holds no truth and knows the backend only through its client."""
