"""What people and tests run themselves: the in-memory store and queues, and the tools that are built on them."""
