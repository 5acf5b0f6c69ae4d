"""Records a real Ray session: the files of a collector, and the answers of the live dashboard."""
