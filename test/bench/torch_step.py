"""The training step of the bench in PyTorch: the same model, weights, batches, AdamW and clipping, eagerly.

Started by torch.ts with one argument, a JSON file; reads a number of steps per line and answers each with one line of
JSON: the seconds, the loss and the gradient norm of every step.
"""

import json
import math
import struct
import sys
import time

import torch
import torch.nn.functional as F


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    tensors = {}
    for name, info in header.items():
        if name == "__metadata__":
            continue
        begin, end = info["data_offsets"]
        flat = torch.frombuffer(data, dtype=torch.float32, count=(end - begin) // 4, offset=begin)
        tensors[name] = flat.reshape(info["shape"]).clone()
    return tensors


def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class Model(torch.nn.Module):
    """Weights by the names of the checkpoint."""

    def __init__(self, config, tensors):
        super().__init__()
        self.layers = config["num_hidden_layers"]
        self.heads = config["num_attention_heads"]
        self.weights = torch.nn.ParameterDict(
            {name.replace(".", "/"): torch.nn.Parameter(tensor) for name, tensor in tensors.items()}
        )

    def weight(self, name):
        return self.weights[name.replace(".", "/")]

    def linear(self, x, name):
        return F.linear(x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias"))

    def layer_norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.weight(f"{name}.weight"), self.weight(f"{name}.bias"), self.epsilon)


class VisionTransformer(Model):
    """A ViT with norms before the branches, exact GELU and a classifier on the CLS token."""

    def __init__(self, config, tensors, batch):
        super().__init__(config, tensors)
        self.epsilon = config["layer_norm_eps"]

    def attention(self, x, name):
        batch, tokens, width = x.shape
        q, k, v = (
            self.linear(x, f"{name}.attention.{kind}").view(batch, tokens, self.heads, -1).transpose(1, 2)
            for kind in ("query", "key", "value")
        )
        y = F.scaled_dot_product_attention(q, k, v)
        return self.linear(y.transpose(1, 2).reshape(batch, tokens, width), f"{name}.output.dense")

    def forward(self, images, targets):
        embeddings = "vit.embeddings"
        projection = f"{embeddings}.patch_embeddings.projection"
        kernel = self.weight(f"{projection}.weight")
        patches = F.conv2d(images, kernel, self.weight(f"{projection}.bias"), stride=kernel.shape[-1])
        x = patches.flatten(2).transpose(1, 2)
        cls = self.weight(f"{embeddings}.cls_token").expand(len(x), -1, -1)
        x = torch.cat((cls, x), dim=1) + self.weight(f"{embeddings}.position_embeddings")
        for layer in range(self.layers):
            name = f"vit.encoder.layer.{layer}"
            x = x + self.attention(self.layer_norm(x, f"{name}.layernorm_before"), f"{name}.attention")
            inner = self.linear(self.layer_norm(x, f"{name}.layernorm_after"), f"{name}.intermediate.dense")
            x = x + self.linear(F.gelu(inner), f"{name}.output.dense")
        logits = self.linear(self.layer_norm(x[:, 0], "vit.layernorm"), "classifier")
        return F.cross_entropy(logits, targets)


class Encoder(Model):
    """A BERT with norms after the branches, exact GELU and a classifier on the pooled first token; nothing dropped out."""

    def __init__(self, config, tensors, batch):
        super().__init__(config, tensors)
        self.epsilon = config["layer_norm_eps"]

    def attention(self, x, mask, name):
        batch, tokens, width = x.shape
        q, k, v = (
            self.linear(x, f"{name}.self.{kind}").view(batch, tokens, self.heads, -1).transpose(1, 2)
            for kind in ("query", "key", "value")
        )
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.linear(y.transpose(1, 2).reshape(batch, tokens, width), f"{name}.output.dense")

    def forward(self, ids, mask, types, targets):
        embeddings = "bert.embeddings"
        x = F.embedding(ids.long(), self.weight(f"{embeddings}.word_embeddings.weight"))
        x = x + self.weight(f"{embeddings}.position_embeddings.weight")[: ids.shape[1]]
        x = x + F.embedding(types.long(), self.weight(f"{embeddings}.token_type_embeddings.weight"))
        x = self.layer_norm(x, f"{embeddings}.LayerNorm")
        seen = mask.bool()[:, None, None, :]
        for layer in range(self.layers):
            name = f"bert.encoder.layer.{layer}"
            x = self.layer_norm(x + self.attention(x, seen, f"{name}.attention"), f"{name}.attention.output.LayerNorm")
            inner = F.gelu(self.linear(x, f"{name}.intermediate.dense"))
            x = self.layer_norm(x + self.linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        pooled = torch.tanh(self.linear(x[:, 0], "bert.pooler.dense"))
        return F.cross_entropy(self.linear(pooled, "classifier"), targets.long())


class Decoder(Model):
    """A Llama: RMSNorm, rotary embedding in the half-split layout, SwiGLU, the head tied to the embedding."""

    def __init__(self, config, tensors, batch):
        super().__init__(config, tensors)
        self.epsilon = config["rms_norm_eps"]
        tokens = batch["inputs"].shape[1]
        half = config["hidden_size"] // self.heads // 2
        angles = torch.arange(tokens)[:, None] * 10000.0 ** (-torch.arange(half) / half)[None, :]
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def norm(self, x, name):
        return F.rms_norm(x, x.shape[-1:], self.weight(name), self.epsilon)

    def attention(self, x, prefix):
        batch, tokens, width = x.shape
        q, k, v = (
            F.linear(x, self.weight(f"{prefix}.{kind}_proj.weight")).view(batch, tokens, self.heads, -1).transpose(1, 2)
            for kind in "qkv"
        )
        q, k = rotate(q, self.cos, self.sin), rotate(k, self.cos, self.sin)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return F.linear(y.transpose(1, 2).reshape(batch, tokens, width), self.weight(f"{prefix}.o_proj.weight"))

    def mlp(self, x, prefix):
        gate = F.silu(F.linear(x, self.weight(f"{prefix}.gate_proj.weight")))
        return F.linear(gate * F.linear(x, self.weight(f"{prefix}.up_proj.weight")), self.weight(f"{prefix}.down_proj.weight"))

    def forward(self, inputs, targets):
        embedding = self.weight("model.embed_tokens.weight")
        x = F.embedding(inputs.long(), embedding)
        for layer in range(self.layers):
            name = f"model.layers.{layer}"
            x = x + self.attention(self.norm(x, f"{name}.input_layernorm.weight"), f"{name}.self_attn")
            x = x + self.mlp(self.norm(x, f"{name}.post_attention_layernorm.weight"), f"{name}.mlp")
        logits = F.linear(self.norm(x, "model.norm.weight"), embedding)
        return F.cross_entropy(logits.flatten(0, 1), targets.long().flatten())


def learning_rate(schedule, step):
    if step <= schedule["warmupSteps"]:
        return schedule["peak"] * step / schedule["warmupSteps"]
    progress = min(1, (step - schedule["warmupSteps"]) / max(1, schedule["totalSteps"] - schedule["warmupSteps"]))
    return schedule["peak"] * (schedule["floor"] + (1 - schedule["floor"]) * 0.5 * (1 + math.cos(math.pi * progress)))


def main():
    with open(sys.argv[1]) as file:
        job = json.load(file)
    torch.set_num_threads(job["threads"])
    torch.set_flush_denormal(True)
    device = job.get("device", "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        sys.exit("torch finds no GPU")
    to_device = lambda tensors: {name: tensor.to(device) for name, tensor in tensors.items()}
    batches = [to_device(read_safetensors(path)) for path in job["batches"]]
    architectures = {"Decoder": Decoder, "VisionTransformer": VisionTransformer, "Encoder": Encoder}
    model = architectures[job["architecture"]](job["config"], to_device(read_safetensors(job["weights"])), batches[0]).to(device)
    forward = torch.compile(model) if job.get("compile") else model
    optimizer = job["optimizer"]
    groups = [
        {"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": optimizer["weightDecay"]},
        {"params": [p for p in model.parameters() if p.dim() <= 1], "weight_decay": 0.0},
    ]
    # PyTorch's fastest AdamW on a CPU.
    adam = torch.optim.AdamW(groups, lr=0.0, betas=(optimizer["beta1"], optimizer["beta2"]), eps=optimizer["epsilon"], fused=True)
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    step = 0
    for line in sys.stdin:
        result = {"seconds": [], "loss": [], "gradientNorm": []}
        for _ in range(int(line)):
            batch = batches[step % len(batches)]
            step += 1
            before = time.perf_counter()
            for group in adam.param_groups:
                group["lr"] = learning_rate(job["schedule"], step)
            adam.zero_grad(set_to_none=True)
            loss = forward(**batch)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), optimizer["maxGradientNorm"])
            adam.step()
            result["loss"].append(loss.item())
            result["gradientNorm"].append(norm.item())
            result["seconds"].append(time.perf_counter() - before)
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
