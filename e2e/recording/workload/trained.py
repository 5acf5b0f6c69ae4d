"""A run of Ray Train with one worker."""

import os

from ray import train
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer


def loop():
    for step in range(3):
        train.report({"loss": 1 / (step + 1)})


trainer = DataParallelTrainer(
    loop,
    scaling_config=train.ScalingConfig(num_workers=1, resources_per_worker={"CPU": 0.5}),
    run_config=train.RunConfig(name="trained", storage_path=os.environ["HARD_MARKS"]),
)
print(trainer.fit())
