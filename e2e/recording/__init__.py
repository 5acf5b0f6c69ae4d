"""Records a real Ray session: what a collector would have stored of it, and what its live dashboard answered."""
