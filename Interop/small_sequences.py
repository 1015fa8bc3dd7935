"""Small transformers, recurrent networks and perceptrons, one for each way of building them that people export from torch."""

import torch
from exported_networks import Layer, Residual
from torch import nn
from torch.nn import functional as F


class RootMeanSquare(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class Relative(nn.Module):
    """T5's attention: unscaled, with a learned bias for each bucket of distances, and a perceptron gated by GELU."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads, self.head = heads, width // heads
        self.q, self.k, self.v, self.o = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.bias = nn.Embedding(15, heads)
        self.norms = nn.ModuleList([RootMeanSquare(width), RootMeanSquare(width)])
        self.gate, self.up, self.down = (nn.Linear(a, b, bias=False) for a, b in ((width, 96), (width, 96), (96, width)))

    def forward(self, x, mask):
        batch, length, width = x.shape
        y = self.norms[0](x)
        q, k, v = (layer(y).view(batch, length, self.heads, self.head).transpose(1, 2) for layer in (self.q, self.k, self.v))
        places = torch.arange(length, device=x.device)
        bias = self.bias((places[None, :] - places[:, None]).clamp(-7, 7) + 7).permute(2, 0, 1)[None]
        masked = (1.0 - mask[:, None, None, :].to(x.dtype)) * torch.finfo(x.dtype).min
        weights = F.softmax(torch.matmul(q, k.transpose(3, 2)) + bias + masked, -1)
        x = x + self.o((weights @ v).transpose(1, 2).contiguous().view(batch, length, width))
        y = self.norms[1](x)
        return x + self.down(F.gelu(self.gate(y), approximate="tanh") * self.up(y))


class T5(nn.Module):
    def __init__(self, width: int = 32):
        super().__init__()
        self.words, self.layers = nn.Embedding(100, width), nn.ModuleList([Relative(width, 4), Relative(width, 4)])
        self.norm = RootMeanSquare(width)

    def forward(self, input_ids, attention_mask):
        x = self.words(input_ids)
        for layer in self.layers:
            x = layer(x, attention_mask)
        return self.norm(x)


class Rotary(nn.Module):
    """LLaMA's layer: rotary positions, fewer heads of keys than of queries, SwiGLU."""

    def __init__(self, width: int, heads: int, groups: int):
        super().__init__()
        self.heads, self.groups, self.head = heads, groups, width // heads
        self.q, self.o = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.k, self.v = nn.Linear(width, groups * self.head, bias=False), nn.Linear(width, groups * self.head, bias=False)
        self.norms = nn.ModuleList([RootMeanSquare(width), RootMeanSquare(width)])
        self.gate, self.up, self.down = (nn.Linear(a, b, bias=False) for a, b in ((width, 80), (width, 80), (80, width)))

    def rotate(self, x, cos, sin):
        a, b = x.chunk(2, -1)
        return x * cos + torch.cat([-b, a], -1) * sin

    def forward(self, x, cos, sin):
        batch, length, width = x.shape
        y = self.norms[0](x)
        q = self.rotate(self.q(y).view(batch, length, self.heads, self.head).transpose(1, 2), cos, sin)
        k = self.rotate(self.k(y).view(batch, length, self.groups, self.head).transpose(1, 2), cos, sin)
        v = self.v(y).view(batch, length, self.groups, self.head).transpose(1, 2)
        k, v = (t.repeat_interleave(self.heads // self.groups, 1) for t in (k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o(y.transpose(1, 2).reshape(batch, length, width))
        y = self.norms[1](x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Llama(nn.Module):
    def __init__(self, width: int = 32, heads: int = 4):
        super().__init__()
        self.words = nn.Embedding(100, width)
        self.layers = nn.ModuleList([Rotary(width, heads, 2), Rotary(width, heads, 2)])
        self.norm, self.head = RootMeanSquare(width), nn.Linear(width, 100, bias=False)
        self.register_buffer("frequencies", 1e4 ** -(torch.arange(0, width // heads, 2) / (width // heads)))

    def forward(self, input_ids):
        angles = torch.arange(input_ids.shape[1], device=input_ids.device)[:, None] * self.frequencies
        angles = torch.cat([angles, angles], -1)
        cos, sin, x = angles.cos(), angles.sin(), self.words(input_ids)
        for layer in self.layers:
            x = layer(x, cos, sin)
        return self.head(self.norm(x))


class Window(nn.Module):
    """Swin's layer on [batch, height, width, channels]: attention inside windows, which may be shifted, with learned biases."""

    def __init__(self, width: int, heads: int, window: int, shift: int):
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.table = nn.Parameter(torch.randn((2 * window - 1) ** 2, heads))
        y, x = torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
        y, x = (t.flatten()[:, None] - t.flatten()[None] + window - 1 for t in (y, x))
        self.register_buffer("places", y * (2 * window - 1) + x)

    def forward(self, x):
        batch, height, width, channels = x.shape
        w, shortcut = self.window, x
        x = torch.roll(self.norm1(x), (-self.shift, -self.shift), (1, 2)) if self.shift else self.norm1(x)
        x = x.view(batch, height // w, w, width // w, w, channels).permute(0, 1, 3, 2, 4, 5).reshape(-1, w * w, channels)
        q, k, v = self.qkv(x).view(-1, w * w, 3, self.heads, channels // self.heads).permute(2, 0, 3, 1, 4)
        bias = self.table[self.places.view(-1)].view(w * w, w * w, self.heads).permute(2, 0, 1)
        x = F.softmax(q * (channels // self.heads) ** -0.5 @ k.transpose(-2, -1) + bias, -1) @ v
        x = self.out(x.transpose(1, 2).reshape(-1, w * w, channels))
        x = x.view(batch, height // w, width // w, w, w, channels).permute(0, 1, 3, 2, 4, 5).reshape(batch, height, width, channels)
        x = shortcut + (torch.roll(x, (self.shift, self.shift), (1, 2)) if self.shift else x)
        return x + self.mlp(self.norm2(x))


class Swin(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches, self.norm = nn.Conv2d(3, 16, 4, 4), nn.LayerNorm(64)
        self.layers = nn.Sequential(Window(16, 2, 4, 0), Window(16, 2, 4, 2))
        self.reduce, self.last = nn.Linear(64, 32, bias=False), Window(32, 2, 4, 0)
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        x = self.layers(self.patches(x).permute(0, 2, 3, 1))
        x = torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1)
        return self.head(self.last(self.reduce(self.norm(x))).mean((1, 2)))


class Mixer(nn.Module):
    """Perceptrons over places and over channels in turn."""

    def __init__(self, places: int = 16, width: int = 32):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 8, 8)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(5)])
        self.places = nn.ModuleList([self.perceptron(places, 24) for _ in range(2)])
        self.channels = nn.ModuleList([self.perceptron(width, 64) for _ in range(2)])
        self.head = nn.Linear(width, 10)

    @staticmethod
    def perceptron(width, hidden):
        return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Dropout(0.1), nn.Linear(hidden, width))

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        for index in range(2):
            x = x + self.places[index](self.norms[2 * index](x).transpose(1, 2)).transpose(1, 2)
            x = x + self.channels[index](self.norms[2 * index + 1](x))
        return self.head(self.norms[4](x).mean(1))


class Conformer(nn.Module):
    """Half a perceptron, attention, a gated depthwise convolution over time, half a perceptron."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.feed = nn.ModuleList(
            [nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 64), nn.SiLU(), nn.Linear(64, width)) for _ in range(2)]
        )
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(3)])
        self.convolution = nn.Sequential(
            nn.Conv1d(width, 2 * width, 1), nn.GLU(1), nn.Conv1d(width, width, 7, padding=3, groups=width), nn.BatchNorm1d(width),
            nn.SiLU(), nn.Conv1d(width, width, 1),
        )  # fmt: skip
        self.stem, self.head = nn.Conv1d(20, width, 3, 2, 1), nn.Linear(width, 12)

    def forward(self, features):
        x = self.stem(features.transpose(1, 2)).transpose(1, 2)
        x = x + 0.5 * self.feed[0](x)
        y = self.norms[0](x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        x = x + self.convolution(self.norms[1](x).transpose(1, 2)).transpose(1, 2)
        return F.log_softmax(self.head(self.norms[2](x + 0.5 * self.feed[1](x))), -1)


class LinearAttention(nn.Module):
    """Attention whose cost grows with the length, by sums of keys times values."""

    def __init__(self, width: int = 32, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.stem = nn.Linear(12, width)
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))
        self.norm, self.mlp = nn.LayerNorm(width), nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, width))
        self.head = nn.Linear(width, 6)

    def forward(self, x):
        x = self.stem(x)
        q, k, v = (layer(self.norm(x)).unflatten(-1, (self.heads, -1)) for layer in (self.q, self.k, self.v))
        q, k = F.elu(q) + 1, F.elu(k) + 1
        sums = torch.einsum("bnhd,bnhe->bhde", k, v)
        scale = 1 / (torch.einsum("bnhd,bhd->bnh", q, k.sum(1)) + 1e-6)
        x = x + self.o(torch.einsum("bnhd,bhde,bnh->bnhe", q, sums, scale).flatten(2))
        return self.head(x + self.mlp(self.norm(x)))


class CrossAttention(nn.Module):
    """Learned queries look at a sequence, then at another; torch's own layers."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.text, self.image = nn.Linear(10, width), nn.Linear(14, width)
        self.encoder = nn.TransformerEncoderLayer(width, 4, 64, activation="gelu", batch_first=True, norm_first=True)
        self.decoder = nn.TransformerDecoderLayer(width, 4, 64, batch_first=True)
        self.head = nn.Linear(width, 7)

    def forward(self, text, image):
        return self.head(self.decoder(self.encoder(self.text(text)), self.image(image)))


class Vision(nn.Module):
    """ViT with two tokens in front and a head on each."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.patches, self.tokens = nn.Conv2d(3, width, 8, 8), nn.Parameter(torch.randn(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, 17, width))
        self.layers = nn.Sequential(Layer(width, 4), Layer(width, 4))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.tokens.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.layers(x))[:, 0])


class BidirectionalLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(12, 16, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        y, (hidden, cell) = self.lstm(x)
        return self.head(y[:, -1])


class Tagger(nn.Module):
    """Embedded words, a GRU that gives its state too, a label for every word."""

    def __init__(self):
        super().__init__()
        self.words, self.gru = nn.Embedding(100, 16), nn.GRU(16, 24, batch_first=True)
        self.head = nn.Sequential(nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 9))

    def forward(self, input_ids, state):
        y, state = self.gru(self.words(input_ids), state)
        return self.head(y), state


class TextLine(nn.Module):
    """Convolutions that squeeze a line of text to a row of columns, an LSTM along it, scores for CTC."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 24, 3, padding=1), nn.BatchNorm2d(24),
            nn.ReLU(), nn.MaxPool2d((2, 1)), nn.Conv2d(24, 32, (4, 1)), nn.ReLU(),
        )  # fmt: skip
        self.lstm, self.head = nn.LSTM(32, 24, bidirectional=True, batch_first=True), nn.Linear(48, 20)

    def forward(self, image):
        x = self.features(image).squeeze(2).transpose(1, 2)
        return F.softmax(self.head(self.lstm(x)[0]), -1)


class Table(nn.Module):
    """Numbers and categories in a row, deep and wide."""

    def __init__(self):
        super().__init__()
        self.categories = nn.ModuleList([nn.Embedding(count, 4) for count in (7, 20, 50)])
        self.norm = nn.BatchNorm1d(6)
        self.deep = nn.Sequential(
            nn.Linear(18, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Dropout(0.1), nn.Linear(48, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 10)
        )
        self.wide = nn.Linear(6, 10, bias=False)

    def forward(self, numbers, categories):
        columns = [embedding(categories[:, index]) for index, embedding in enumerate(self.categories)]
        return self.deep(torch.cat([self.norm(numbers), *columns], 1)) + self.wide(numbers)


class Autoencoder(nn.Module):
    """A variational one: mean, logarithm of the variance, and what is rebuilt from a point drawn with given noise."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 32), nn.ELU())
        self.mean, self.variance = nn.Linear(32, 8), nn.Linear(32, 8)
        self.decoder = nn.Sequential(nn.Linear(8, 32), nn.Softplus(), nn.Linear(32, 48), nn.LeakyReLU(), nn.Linear(48, 64), nn.Sigmoid())

    def forward(self, x, noise):
        y = self.encoder(x)
        mean, variance = self.mean(y), self.variance(y)
        return self.decoder(mean + noise * torch.exp(0.5 * variance)), mean, variance


class Towers(nn.Module):
    """Two towers over shared words; normalized vectors, and a shared first layer."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(100, 24)
        self.shared = nn.Linear(24, 32)
        self.query = nn.Sequential(Residual(nn.Sequential(nn.Linear(32, 48), nn.Mish(), nn.Linear(48, 32))), nn.Linear(32, 16))
        self.item = nn.Sequential(nn.Linear(32, 48), nn.ReLU(), nn.Linear(48, 16))

    def forward(self, query_ids, item_ids):
        query, item = (F.relu(self.shared(self.words(ids).mean(1))) for ids in (query_ids, item_ids))
        return F.normalize(self.query(query), dim=-1), F.normalize(self.item(item), dim=-1)
