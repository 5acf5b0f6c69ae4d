"""Programs that recorded sessions run: all that is hard to tell afterwards. They need Ray and nothing else."""
