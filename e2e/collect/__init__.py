"""The collector beside a real Ray: what it stores, and what its manifest says of it."""
