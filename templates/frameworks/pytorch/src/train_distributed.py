"""Train the model in several processes, on one machine or on several, with torchrun.

Each process has the same model, and its own share of the rows. DistributedDataParallel gives all
of them the mean of their gradients. After each epoch, the first process writes a checkpoint, with
which a run that was ended goes on.
"""

import os

import pandas as pd
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from . import SEED, features, model
from .files import ROOT, atomic_path, exit_on_os_error

CHECKPOINT = ROOT / "models" / "checkpoint.pt"
EPOCHS = int(os.environ.get("EPOCHS", "20"))


def start() -> torch.device:
    """Join the other processes, and return the device of this one: a GPU of its own, or the CPU."""
    if not torch.cuda.is_available():
        distributed.init_process_group("gloo")
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(device)
    distributed.init_process_group("nccl", device_id=device)
    return device


def load(device: torch.device) -> tuple[TensorDataset, model.Model]:
    """Return the rows to train on, and a new model. The first process writes the files."""
    if distributed.get_rank() == 0:
        features.prepare()
    distributed.barrier()
    train = pd.read_parquet(features.TRAIN)
    target = train.pop(features.TARGET)
    torch.manual_seed(SEED)
    new = model.Model(list(train), train.mean().tolist(), train.std().tolist())
    values = [each.to_numpy(dtype="float32") for each in (train, target)]
    return TensorDataset(*(torch.tensor(each, device=device) for each in values)), new.to(device)


def main() -> None:
    """Train from the checkpoint, or from the start, and write the model for `predict`."""
    device = start()
    rows, trained = load(device)
    parallel = DistributedDataParallel(trained)
    optimizer = torch.optim.AdamW(parallel.parameters(), lr=0.01, weight_decay=0.1)
    done = 0
    if CHECKPOINT.exists():
        saved = torch.load(CHECKPOINT, map_location=device, weights_only=True)
        trained.load_state_dict(saved["weights"])
        optimizer.load_state_dict(saved["optimizer"])
        done = saved["epochs"]
    sampler = DistributedSampler(rows, seed=SEED)
    first = distributed.get_rank() == 0
    if first:
        processes = f"{distributed.get_world_size()} processes with {distributed.get_backend()}"
        print(f"{processes}, {done} of {EPOCHS} epochs done")
    for epoch in range(done, EPOCHS):
        sampler.set_epoch(epoch)
        for x, y in DataLoader(rows, batch_size=64, sampler=sampler):
            loss = nn.functional.binary_cross_entropy_with_logits(parallel(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if first:
            with atomic_path(CHECKPOINT) as path:
                states = {"weights": trained.state_dict(), "optimizer": optimizer.state_dict()}
                torch.save({**states, "epochs": epoch + 1}, path)
            print(f"epoch {epoch + 1} of {EPOCHS}: loss {loss.item():.4f}")
    if first:
        model.save(trained.eval(), model.FILE)
        CHECKPOINT.unlink(missing_ok=True)
        print(f"wrote {model.FILE.relative_to(ROOT)}")
    distributed.destroy_process_group()


if __name__ == "__main__":
    with exit_on_os_error():
        main()
