"""An application of Serve with two replicas, which goes on, and two datasets of Ray Data."""

import ray
from ray import serve


@serve.deployment(num_replicas=2, ray_actor_options={"num_cpus": 0.1})
class Hello:
    def __call__(self, request=None):
        return f"hello {request}"


ray.init()
serve.start(http_options={"port": 0, "location": "HeadOnly"})
handle = serve.run(Hello.bind(), name="hello", route_prefix="/hello")
print([handle.remote().result() for _ in range(5)])

squares = ray.data.range(100).map_batches(lambda batch: {"id": batch["id"] ** 2}).materialize()
print("rows", squares.count())
print("even", ray.data.range(50, override_num_blocks=4).filter(lambda row: row["id"] % 2 == 0).count())
