"""Samples as people have them: lists of files, sounds, texts with their tokenizer, pictures prepared by a name that the model remembers."""

import json
import struct
import wave
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from test_data import png


def identity(path, inputs, kind=TensorProto.INT64):
    """A model that gives what it takes."""
    graph = helper.make_graph(
        [helper.make_node("Identity", [name], [f"{name}_out"]) for name in inputs], "identity",
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(f"{name}_out", kind, shape) for name, shape in inputs.items()],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def seen(winnow, model, data, *options):
    """What of the data a model gets to see."""
    output = model.parent / "seen.npz"
    winnow("infer", model, "--data", data, "-o", output, *options)
    return dict(np.load(output))


# --- texts ------------------------------------------------------------------------------------------------------------

TEXTS = [
    "The quick brown fox jumps over the lazy dog.", "Don't panic; it's 42!", "  Leading   and trailing spaces  ", "naïve café – “quoted” …",
    "日本語のテキスト and English", "Ångström Å Å e\u0301 é", "emoji 🙂🏽 family 👨‍👩‍👧 flag 🇩🇪", "x=3.14159e-10; y_2 = x**2 // 7", "MiXeD CaSe HTTPServer2", "ÀÉÎÕÜ ß ẞ İstanbul",
    "tabs\tare kept", "a" * 150, "unbelievable tokenization antidisestablishmentarianism", "[MASK] is <mask> special", "Привет, мир! Γειά σου", "١٢٣ ½ Ⅷ ²", "zero\u200bwidth \u00a0nbsp \ufeff",
    "don’t you’ll I'VE we'Re", "!!!???...", "₿100 €5 $3",
]  # fmt: skip
CORPUS = [*TEXTS, *(f"training sentence number {n} about networks, layers and weights" for n in range(200))]


def wordpiece(lowercase, accents):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=accents)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    # Letters of half of the texts alone: those of the others are unknown.
    tokenizer.train_from_iterator(CORPUS[:10] + CORPUS[20:], trainers.WordPieceTrainer(vocab_size=600, special_tokens=special, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def byte_pairs(kind):
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    if kind == "gpt-2":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    elif kind == "roberta":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
        special.append(AddedToken("<mask>", lstrip=True))
    elif kind == "llama-3":
        pattern = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])  # fmt: skip
    elif kind == "digits":
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex(" +"), " "), normalizers.Strip()])
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Punctuation("merged_with_previous"), pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=True)])  # fmt: skip
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=700, special_tokens=special, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))  # fmt: skip
    if kind == "digits":
        tokenizer.add_tokens([AddedToken("brown fox", normalized=True), AddedToken("and", single_word=True, normalized=False)])
    return tokenizer


def simple_words():
    """Words of letters and digits, by bytes where a letter is unknown."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(CORPUS[20:], trainers.BpeTrainer(vocab_size=300, special_tokens=["<pad>", "<unk>"], show_progress=False))
    return tokenizer


def character_map(replacements):
    """A map of letters as SentencePiece compiles it: a double array of darts-clone's units, then the texts that its leaves point to."""
    texts, starts, trie = bytearray(b"\0"), {}, {}
    for key, text in replacements.items():
        if text not in starts:
            starts[text] = len(texts)
            texts += text.encode() + b"\0"
        node = trie
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[0] = starts[text]
    units, queue = {0: 0}, [(trie, 0)]
    while queue:
        node, place = queue.pop()
        base = next(base for base in range(1, 1 << 20) if not any(base ^ label in units for label in node))
        units[place] |= (place ^ base) << 10 | (0x100 if 0 in node else 0)
        for label, child in node.items():
            units[base ^ label] = (1 << 31 | child) if label == 0 else label
        queue += [(child, base ^ label) for label, child in node.items() if label]
    size = max(units) + 256
    return struct.pack(f"<I{size}I", 4 * size, *(units.get(place, 0) for place in range(size))) + bytes(texts)


def compatible(*more):
    """What NFKC makes of single letters, and of some in pairs, with others."""
    import unicodedata

    letters = [*map(chr, range(0xA0, 0x250)), *map(chr, range(0x2000, 0x2200)), *"ﬁﬂ①②Ⅷ½²ｱﾞ㌀"]
    keys = [*letters, "e\u0301", "A\u030a", "が", "\u30ab\u3099", "\u1100\u1161"]
    found = {key: unicodedata.normalize("NFKC", key) for key in keys}
    return character_map({**{key: text for key, text in found.items() if key != text}, "\t": " ", "\u200b": "", "\u00a0": " ", **dict(more)})


def unigram(kind):
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.Unigram())
    special = ["<pad>", "</s>", "<unk>"]
    words = pre_tokenizers.Metaspace()
    if kind == "t5":
        tokenizer.normalizer = normalizers.Sequence([normalizers.Precompiled(compatible()), normalizers.Strip(left=False), normalizers.Replace(Regex(" {2,}"), "▁")])
        tokenizer.pre_tokenizer = words
        special += [AddedToken("<extra_id_0>")]
    elif kind == "xlm-r":
        tokenizer.normalizer = normalizers.Precompiled(compatible(("ß", "ss"), ("’", "'")))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), words])
        special += ["<s>", AddedToken("<mask>", lstrip=True)]
    elif kind == "albert":
        changes = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
        tokenizer.normalizer = normalizers.Sequence([*changes, normalizers.Precompiled(compatible()), normalizers.Replace(Regex(" {2,}"), " ")])
        tokenizer.pre_tokenizer = words
    elif kind == "whole":
        # Words are not told apart before, and only the beginning of a text is marked.
        tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Strip()])
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
        special += ["[MASK]"]
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    trainer = trainers.UnigramTrainer(vocab_size=500, special_tokens=special, unk_token="<unk>", show_progress=False)
    # Letters of the other texts are unknown.
    guide = Path(__file__).resolve().parent.parent / "Guides" / "Data.md"
    tokenizer.train_from_iterator(CORPUS[:4] + CORPUS[20:] + guide.read_text().splitlines(), trainer)
    if kind == "bytes":
        state = json.loads(tokenizer.to_str())
        state["model"]["vocab"] += [[f"<0x{byte:02X}>", -30.0] for byte in range(256)]
        state["model"]["byte_fallback"] = True
        tokenizer = Tokenizer.from_str(json.dumps(state))
    ends = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>") if tokenizer.token_to_id(token) is not None]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>" if len(ends) > 1 else "$A </s>", special_tokens=ends)
    return tokenizer


TOKENIZERS = {
    "uncased": lambda: wordpiece(True, None), "cased": lambda: wordpiece(False, None), "cased without accents": lambda: wordpiece(False, True),
    **{kind: lambda kind=kind: byte_pairs(kind) for kind in ("gpt-2", "roberta", "llama-3", "digits")}, "words": simple_words,
    **{f"unigram {kind}": lambda kind=kind: unigram(kind) for kind in ("t5", "xlm-r", "albert", "whole", "bytes")},
}  # fmt: skip


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_tokens_are_those_of_the_tokenizers_library(winnow, tmp_path, kind):
    pytest.importorskip("tokenizers")
    tokenizer = TOKENIZERS[kind]()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    folder = tmp_path / "texts"
    folder.mkdir()
    for index, text in enumerate(TEXTS):
        (folder / f"{index:02}.txt").write_bytes(text.encode())
    model = identity(tmp_path / "m.onnx", {"input_ids": ["N", "L"], "attention_mask": ["N", "L"], "token_type_ids": ["N", "L"]})
    found = seen(winnow, model, folder)
    # A byte order mark at the beginning is none of the text; there is none here.
    expected = [tokenizer.encode(text) for text in TEXTS]
    length = max(len(encoding.ids) for encoding in expected)
    assert found["input_ids_out"].shape == (len(TEXTS), length)
    for index, (text, encoding) in enumerate(zip(TEXTS, expected)):
        own = found["attention_mask_out"][index] == 1
        assert found["input_ids_out"][index][own].tolist() == encoding.ids, (text, encoding.tokens)
        assert own.sum() == len(encoding.ids) and (found["token_type_ids_out"][index] == 0).all()
    # One shape for all, cut where it is shorter.
    cut = seen(winnow, model, folder, "--shape", "input_ids=1x6")["input_ids_out"]
    tokenizer.enable_truncation(6)
    tokenizer.enable_padding(length=6, pad_id=tokenizer.token_to_id("[PAD]") or tokenizer.token_to_id("<pad>") or 0)
    assert cut.tolist() == [encoding.ids for encoding in tokenizer.encode_batch(TEXTS)]


def test_tokens_are_those_of_sentencepiece(winnow, tmp_path):
    """A model that SentencePiece trained, with its own map of letters (240 kB): texts of many scripts, by the library and by SentencePiece itself."""
    pytest.importorskip("tokenizers")
    sentencepiece = pytest.importorskip("sentencepiece", reason="sentencepiece is not installed; run `scripts/setup python`")
    from sentencepiece import sentencepiece_model_pb2
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    guides = sorted((Path(__file__).resolve().parent.parent / "Guides").glob("*.md"))
    lines = [line for guide in guides for line in guide.read_text().splitlines() if line.strip()]
    (tmp_path / "corpus.txt").write_text("\n".join(lines))
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "corpus.txt"), model_prefix=str(tmp_path / "m"), vocab_size=2000, model_type="unigram", normalization_rule_name="nmt_nfkc",
        character_coverage=0.999, minloglevel=2)  # fmt: skip
    own = sentencepiece_model_pb2.ModelProto()
    own.ParseFromString((tmp_path / "m.model").read_bytes())
    tokenizer = Tokenizer(models.Unigram([(piece.piece, piece.score) for piece in own.pieces], own.trainer_spec.unk_id, False))
    spaces = [normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "▁")]
    tokenizer.normalizer = normalizers.Sequence([normalizers.Precompiled(own.normalizer_spec.precompiled_charsmap), *spaces])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    folder = tmp_path / "texts"
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    random = np.random.default_rng(1)
    scripts = [(0x20, 0x7F), (0xA0, 0x600), (0x900, 0x980), (0x1100, 0x1200), (0x2010, 0x2028), (0x2030, 0x2200), (0x3000, 0x3200), (0xAC00, 0xAC40), (0xFB00, 0xFB50),
               (0xFF00, 0xFFEF), (0x1F600, 0x1F640), (0x300, 0x340), (0x300, 0x340)]  # fmt: skip
    letters = [chr(code) for low, high in scripts for code in range(low, high)]
    mixed = ["".join(random.choice(letters, size=random.integers(1, 40))) for _ in range(600)]
    texts = [text for text in lines[:600] + mixed if "\t" not in text and text.strip()]
    (folder / "all.txt").write_text("\n".join(texts) + "\n")
    found = seen(winnow, identity(tmp_path / "id.onnx", {"input_ids": ["N", "L"], "attention_mask": ["N", "L"]}), folder / "all.txt")
    judge = sentencepiece.SentencePieceProcessor(str(tmp_path / "m.model"))
    for index, text in enumerate(texts):
        tokens = found["input_ids_out"][index][found["attention_mask_out"][index] == 1].tolist()
        assert tokens == tokenizer.encode(text).ids, text
        if index < 600:
            # Two ways to take a text apart may be as likely as each other.
            likely = [sum(map(judge.get_score, way)) for way in (tokens, judge.encode(text))]
            assert tokens == judge.encode(text) or abs(likely[0] - likely[1]) < 1e-4, text


def test_one_folder_alone_is_no_class(winnow, tmp_path):
    """Pictures that lie in a folder by itself have no labels; with a second folder they have."""
    pictures = tmp_path / "pictures"
    (pictures / "data").mkdir(parents=True)
    random = np.random.default_rng(1)
    for index in range(12):
        (pictures / "data" / f"{index:02}.png").write_bytes(png(random.integers(0, 256, size=(8, 8), dtype=np.uint8)))
    model = identity(tmp_path / "m.onnx", {"x": ["N", 3, 8, 8]}, TensorProto.FLOAT)
    assert "12 images, no labels" in winnow("infer", model, "--data", pictures, "-o", tmp_path / "y.npz").stdout
    (pictures / "other").mkdir()
    (pictures / "other" / "a.png").write_bytes(png(random.integers(0, 256, size=(8, 8), dtype=np.uint8)))
    assert "13 images in 2 classes" in winnow("infer", model, "--data", pictures, "-o", tmp_path / "y.npz").stdout


def test_a_class_may_have_no_sample(winnow, tmp_path):
    """Its place among the classes stays."""
    for name, count in (("bird", 0), ("cat", 12), ("dog", 3)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(count):
            (tmp_path / "data" / name / f"{number}.png").write_bytes(png(np.full((4, 4), 10 * number + len(name), np.uint8)))
    weight = numpy_helper.from_array(np.zeros((3, 3), np.float32), "w")
    bias = numpy_helper.from_array(np.array([0, 1, 0], np.float32), "b")
    graph = helper.make_graph(
        [helper.make_node("GlobalAveragePool", ["x"], ["p"]), helper.make_node("Flatten", ["p"], ["f"]), helper.make_node("Gemm", ["f", "w", "b"], ["y"])],
        "cats", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])], [weight, bias],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    result = winnow("evaluate", tmp_path / "m.onnx", "--data", tmp_path / "data", "--split", "all")
    assert "80.00 %" in result.stdout and "no sample of bird" in result.stdout + result.stderr


def test_texts_have_classes(winnow, tmp_path):
    pytest.importorskip("tokenizers")
    tokenizer = byte_pairs("gpt-2")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    random = np.random.default_rng(1)
    table = numpy_helper.from_array(random.normal(size=(tokenizer.get_vocab_size(), 2)).astype(np.float32), "table")
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "ids"], ["rows"]), helper.make_node("ReduceMean", ["rows"], ["scores"], axes=[1], keepdims=0)], "bag",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["N", 8])], [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 2])], [table],
    )  # fmt: skip
    model = tmp_path / "bag.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), model)
    (tmp_path / "lines.tsv").write_text("".join(f"{text.strip()}\tclass {n % 2}\n" for n, text in enumerate(CORPUS[:40]) if "\t" not in text))
    result = json.loads(winnow("evaluate", model, "--data", tmp_path / "lines.tsv", "--split", "all", "--json").stdout)[0]
    assert result["sampleCount"] == 39 and result["top1"] is not None
    text = winnow("evaluate", model, "--data", tmp_path / "lines.tsv").stdout
    assert "39 texts in 2 classes, 8 tokens each" in text and "no splits are named: by its contents each sample" in text
    (tmp_path / "data").mkdir()
    (tmp_path / "lines.tsv").rename(tmp_path / "data/lines.tsv")
    for folder in (f"{tmp_path}/data", f"{tmp_path}/data/"):
        result = winnow("evaluate", model, "--data", folder, check=False)
        assert result.returncode == 1 and f"give {tmp_path}/data/lines.tsv itself" in result.stderr


def test_unread_tokenizers_are_told(winnow, tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    (tmp_path / "texts.txt").write_text("one\ntwo\n")
    model = identity(tmp_path / "m.onnx", {"input_ids": ["N", "L"]})
    for maker, words in [(lambda: tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0}, "a")), "WordLevel"), (None, "no tokenizer.json")]:
        if maker:
            maker().save(str(tmp_path / "tokenizer.json"))
        else:
            (tmp_path / "tokenizer.json").write_text("{}")
        result = winnow("infer", model, "--data", tmp_path / "texts.txt", "-o", tmp_path / "y.npz", check=False)
        assert result.returncode == 1 and words in result.stderr and len(result.stderr.strip().splitlines()) == 1, result.stderr


# --- sounds -----------------------------------------------------------------------------------------------------------


def wav(path, values, rate=16_000, width=2):
    """Integers of so many bytes; 4: floats."""
    values = np.atleast_2d(np.asarray(values, np.float64)).T
    if width == 4:
        data, tag = values.astype("<f4").tobytes(), 3
    else:
        data = b"".join(int(np.clip(round(value * 2 ** (8 * width - 1)), -(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1)).to_bytes(width, "little", signed=True)
                        for value in values.reshape(-1))  # fmt: skip
        tag = 1
    header = struct.pack("<HHIIHH", tag, values.shape[1], rate, rate * width * values.shape[1], width * values.shape[1], 8 * width)
    extra = b"LIST" + struct.pack("<I", 3) + b"abc\0"  # Chunks begin at even places.
    chunks = b"fmt " + struct.pack("<I", 16) + header + extra + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)


@pytest.mark.parametrize("width, error", [(2, 2**-15), (3, 2**-23), (4, 1e-7)])
def test_sounds(winnow, tmp_path, width, error):
    random = np.random.default_rng(2)
    sounds = {f"{name}/{n}.wav": random.uniform(-0.9, 0.9, size=100 + 10 * n) for n in range(3) for name in ("no", "yes")}
    for name, values in sounds.items():
        (tmp_path / "sounds" / name).parent.mkdir(parents=True, exist_ok=True)
        wav(tmp_path / "sounds" / name, values, width=width)
    model = identity(tmp_path / "m.onnx", {"x": ["N", "T"]}, TensorProto.FLOAT)
    found = seen(winnow, model, tmp_path / "sounds")["x_out"]
    assert found.shape == (6, 120)
    for row, name in zip(found, sorted(sounds)):
        np.testing.assert_allclose(row[: len(sounds[name])], sounds[name], atol=error)
        assert (row[len(sounds[name]) :] == 0).all()
    (tmp_path / "sounds/sounds.yaml").write_text("rate: 16000\nlength: 64\n")
    np.testing.assert_array_equal(seen(winnow, model, tmp_path / "sounds")["x_out"], found[:, :64])
    text = winnow("evaluate", model, "--data", tmp_path / "sounds").stdout
    assert "6 sounds in 2 classes, 16000 a second, 64 samples each, cut or padded" in text


def test_python_writes_sounds_that_are_read(winnow, tmp_path):
    """Two channels of 16 bits become their mean."""
    values = (np.random.default_rng(3).uniform(-1, 1, size=(50, 2)) * 30_000).astype("<i2")
    (tmp_path / "sounds").mkdir()
    with wave.open(str(tmp_path / "sounds/a.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(values.tobytes())
    model = identity(tmp_path / "m.onnx", {"x": ["N", 1, 50]}, TensorProto.FLOAT)
    np.testing.assert_allclose(seen(winnow, model, tmp_path / "sounds")["x_out"][0, 0], values.mean(axis=1) / 32_768, atol=1e-6)


def test_sounds_of_other_rates_are_refused(winnow, tmp_path):
    (tmp_path / "sounds").mkdir()
    wav(tmp_path / "sounds/a.wav", np.zeros(20), rate=16_000)
    wav(tmp_path / "sounds/b.wav", np.zeros(20), rate=44_100)
    model = identity(tmp_path / "m.onnx", {"x": ["N", "T"]}, TensorProto.FLOAT)
    result = winnow("infer", model, "--data", tmp_path / "sounds", "-o", tmp_path / "y.npz", check=False)
    assert result.returncode == 1 and "b.wav: has 44100 samples a second, but" in result.stderr and "a.wav 16000" in result.stderr and "sox" in result.stderr
    (tmp_path / "sounds/b.wav").write_bytes(b"RIFF\x10\0\0\0WAVEfmt ")
    result = winnow("infer", model, "--data", tmp_path / "sounds", "-o", tmp_path / "y.npz", check=False)
    assert result.returncode == 1 and "b.wav" in result.stderr and "--skip-bad" in result.stderr
    assert seen(winnow, model, tmp_path / "sounds", "--skip-bad")["x_out"].shape == (1, 20)


# --- pictures and lists -----------------------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    random = np.random.default_rng(4)
    for n in range(12):
        (folder / f"{'ab'[n % 2]}").mkdir(parents=True, exist_ok=True)
        (folder / f"{'ab'[n % 2]}" / f"{n:02}.png").write_bytes(png(random.integers(0, 256, size=(40, 40), dtype=np.uint8)))
    return folder


@pytest.mark.parametrize("separator", [",", "\t", " ", ";"])
@pytest.mark.parametrize("header", ["", "path{}label\n"])
def test_lists_of_files(winnow, tmp_path, pictures, separator, header):
    model = identity(tmp_path / "m.onnx", {"x": ["N", 3, 40, 40]}, TensorProto.FLOAT)
    whole = seen(winnow, model, pictures)["x_out"]
    names = sorted(pictures.glob("*/*.png"))
    order = [3, 0, 7, 5]
    lines = [f"{names[n].relative_to(tmp_path) if n % 2 else names[n]}{separator}{names[n].parent.name}" for n in order]
    (tmp_path / "some list.csv").write_text(header.format(separator) + "\n".join(lines) + "\n")
    np.testing.assert_array_equal(seen(winnow, model, tmp_path / "some list.csv")["x_out"], whole[order])
    (tmp_path / "bare.txt").write_text("\n".join(str(names[n]) for n in order))
    np.testing.assert_array_equal(seen(winnow, model, tmp_path / "bare.txt")["x_out"], whole[order])
    (tmp_path / "wrong.csv").write_text("\n".join([*lines, f"nowhere.png{separator}a"]))
    result = winnow("infer", model, "--data", tmp_path / "wrong.csv", "-o", tmp_path / "y.npz", check=False)
    assert result.returncode == 1 and "wrong.csv: line 5" in result.stderr and len(result.stderr.strip().splitlines()) == 1, result.stderr


def test_numbers_in_lists_are_classes(winnow, tmp_path, pictures):
    """Class 2 stays class 2 where no sample is of class 1."""
    pooled = [helper.make_node("ReduceMean", ["x"], ["m"], axes=[2, 3], keepdims=0), helper.make_node("MatMul", ["m", "w"], ["y"])]
    weight = numpy_helper.from_array(np.array([[0, 0, 1], [0, 0, 1], [0, 0, 1]], np.float32), "w")
    graph = helper.make_graph(pooled, "always 2", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 40, 40])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])], [weight])  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    names = sorted(pictures.glob("*/*.png"))
    (tmp_path / "list.txt").write_text("".join(f"{name} {2 if n < 9 else 0}\n" for n, name in enumerate(names)))
    result = json.loads(winnow("evaluate", tmp_path / "m.onnx", "--data", tmp_path / "list.txt", "--split", "all", "--json").stdout)[0]
    assert result["top1"] == 0.75


def test_models_remember_how_pictures_are_prepared(winnow, tmp_path, pictures):
    """What was named once holds for the next command, and says so; another name goes before."""
    random = np.random.default_rng(5)
    weight = numpy_helper.from_array(random.normal(size=(4, 3, 3, 3)).astype(np.float32), "w")
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("GlobalAveragePool", ["c"], ["y"])]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 32, 32])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4, 1, 1])], [weight])  # fmt: skip
    model, small = tmp_path / "m.onnx", tmp_path / "small.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), model)
    winnow("quantize", model, "--data", pictures, "--preparation", "imagenet", "-o", small)
    remembered = {entry.key: entry.value for entry in onnx.load(small).metadata_props}["winnow.images"]
    assert "mean: [0.485, 0.456, 0.406]" in remembered and "crop: [32, 32]" in remembered and "resize: [37]" in remembered
    text = winnow("evaluate", small, "--data", pictures).stdout
    assert "as the model says" in text and "mean 0.485 0.456 0.406" in text
    recipe = tmp_path / "saves.yaml"
    recipe.write_text("version: 1\nsteps: [save: first, magnitude-pruning, save: second]\n")
    winnow("run", recipe, model, "--data", pictures, "--preparation", "imagenet", "-o", tmp_path / "last.onnx")
    for name in ("first", "second", "last"):
        assert {entry.key: entry.value for entry in onnx.load(tmp_path / f"{name}.onnx").metadata_props}["winnow.images"] == remembered
    # What the model sees is what it saw.
    view = identity(tmp_path / "view.onnx", {"x": ["N", 3, 32, 32]}, TensorProto.FLOAT)
    named = seen(winnow, view, pictures, "--preparation", "imagenet")["x_out"]
    other = onnx.load(view)
    other.metadata_props.add(key="winnow.images", value=remembered)
    onnx.save(other, tmp_path / "view2.onnx")
    np.testing.assert_array_equal(seen(winnow, tmp_path / "view2.onnx", pictures)["x_out"], named)
    plain = seen(winnow, tmp_path / "view2.onnx", pictures, "--preparation", "zero-to-one")["x_out"]
    assert plain.min() >= 0 and plain.max() <= 1 and plain.shape == (12, 3, 32, 32)
    centred = seen(winnow, view, pictures, "--preparation", "minus-one-to-one")["x_out"]
    np.testing.assert_allclose(centred, 2 * plain - 1, atol=1e-5)
    result = winnow("evaluate", model, "--data", pictures, "--preparation", "imagnet", check=False)
    assert result.returncode == 1 and "imagnet" in result.stderr and "zero-to-one" in result.stderr


def test_broken_pictures_are_named_counted_and_skipped_on_request(winnow, tmp_path, pictures):
    model = identity(tmp_path / "m.onnx", {"x": ["N", 3, 40, 40]}, TensorProto.FLOAT)
    whole = seen(winnow, model, pictures)["x_out"]
    for name in ("a/broken.png", "b/empty.png", "b/text.jpg", "a/cut.png"):
        (pictures / name).write_bytes({"a/broken.png": b"\x89PNG\r\n\x1a\nxxxx", "b/empty.png": b"", "b/text.jpg": b"hello"}.get(name) or (pictures / "a/00.png").read_bytes()[:80])
    result = winnow("infer", model, "--data", pictures, "-o", tmp_path / "y.npz", check=False)
    message = result.stderr
    assert result.returncode == 1 and len(message.strip().splitlines()) == 1
    assert "a/broken.png" in message and "4 of 16 images" in message and "cut.png" in message and "--skip-bad" in message, message
    np.testing.assert_array_equal(seen(winnow, model, pictures, "--skip-bad")["x_out"], whole)
    text = winnow("evaluate", model, "--data", pictures, "--skip-bad").stdout
    assert "12 images in 2 classes" in text and "4 that cannot be read are left out: broken.png, cut.png, empty.png and 1 more" in text


def test_files_of_a_list_that_are_not_there_are_counted_and_skipped(winnow, tmp_path, pictures):
    model = identity(tmp_path / "m.onnx", {"x": ["N", 3, 40, 40]}, TensorProto.FLOAT)
    files = [f"{path.relative_to(tmp_path)}" for path in sorted(pictures.glob("*/*.png"))]
    for separator, ends in (("", ["", ""]), (",", [",cat", ",dog"])):
        whole, gaps = tmp_path / "whole.csv", tmp_path / "gaps.csv"
        lines = [name + ends[place % 2] for place, name in enumerate(files)]
        whole.write_text("\n".join(lines) + "\n")
        gaps.write_text("\n".join(["a/gone.png" + ends[0], *lines, "b/lost.png" + ends[1]]) + "\n")
        result = winnow("infer", model, "--data", gaps, "-o", tmp_path / "y.npz", check=False)
        message = result.stderr
        assert result.returncode == 1 and len(message.strip().splitlines()) == 1
        assert "gaps.csv: line 1" in message and "lost.png" in message and f"2 of {len(files) + 2} images" in message and "--skip-bad" in message, message
        np.testing.assert_array_equal(seen(winnow, model, gaps, "--skip-bad")["x_out"], seen(winnow, model, whole)["x_out"])
        text = winnow("infer", model, "--data", gaps, "--skip-bad", "-o", tmp_path / "y.npz").stdout
        assert "2 that cannot be read are left out: gone.png, lost.png" in text


def test_parts_that_cannot_be_read_are_left_out_where_asked(winnow, tmp_path):
    """A folder of npz files, one of which is none."""
    model = identity(tmp_path / "m.onnx", {"x": ["N", 1, 20]}, TensorProto.FLOAT)
    folder = tmp_path / "parts"
    folder.mkdir()
    for part in range(3):
        np.savez(folder / f"{part}.npz", x=np.zeros((4, 1, 20), np.float32))
    (folder / "3.npz").write_bytes(b"junk")
    result = winnow("evaluate", model, "--data", folder, check=False)
    assert result.returncode == 1 and "3.npz" in result.stderr and "--skip-bad" in result.stderr
    assert "3.npz" in winnow("evaluate", model, "--data", folder, "--skip-bad").stdout
