"""Ray Data: ranges, batches and groups."""

import numpy as np
import pandas as pd
import ray
from sklearn.datasets import load_digits


def main() -> None:
    ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=200 << 20)
    doubled = ray.data.range(10_000).map_batches(lambda batch: {"id": batch["id"] * 2})
    assert doubled.sum("id") == 9_999 * 10_000
    digits = load_digits()
    frame = pd.DataFrame({"digit": digits.target, "ink": digits.data.sum(axis=1)})
    inks = ray.data.from_pandas(frame).groupby("digit").mean("ink").to_pandas()
    expected = frame.groupby("digit")["ink"].mean()
    assert np.allclose(inks.sort_values("digit")["mean(ink)"], expected)
    # More than the store holds goes through it in a stream.
    blocks = ray.data.range(60, override_num_blocks=60).map_batches(
        lambda batch: {"rows": np.ones((len(batch["id"]), 1_000_000))}, batch_size=1
    )
    total = sum(batch["rows"].sum() for batch in blocks.iter_batches(batch_size=1))
    assert total == 60_000_000
    print("mean ink of each digit", inks["mean(ink)"].round(1).tolist(), "streamed", int(total))
    ray.shutdown()


if __name__ == "__main__":
    main()
