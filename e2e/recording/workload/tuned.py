"""A small Tune run of which one trial fails."""

import tempfile

from ray import tune


def trial(config):
    print(f"trial {config['x']} → größe")
    for step in range(2):
        if config["x"] == 2 and step == 1:
            raise RuntimeError("trial → daneben")
        tune.report({"score": config["x"] * step})


with tempfile.TemporaryDirectory() as folder:
    space = {"x": tune.grid_search([1, 2, 3])}
    settings = tune.RunConfig(name="hard", storage_path=folder)
    configuration = tune.TuneConfig(max_concurrent_trials=2)
    results = tune.Tuner(trial, param_space=space, run_config=settings, tune_config=configuration).fit()
    print(results.num_errors, "trials failed")
