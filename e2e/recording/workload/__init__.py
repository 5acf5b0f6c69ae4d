"""Programs of recorded sessions, with everything that is hard to reproduce. They need Ray and nothing else."""
