"""Writes test/fixtures/tokenizers/families.golden.json: tokenizers with the parts of well-known families and small vocabularies, and
what the Python library makes of texts with them. Run once, with tokenizers 0.23:

    python test/tokenizers/families.py TEXT CHARSMAP > test/fixtures/tokenizers/families.golden.json

TEXT: a file of English text to train on. CHARSMAP: the base64 of test/tokenizers/charsmap.ts.
"""
import base64
import json
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXT = open(sys.argv[1], encoding="utf-8").read()
RULES = base64.b64decode(sys.argv[2])

TEXTS = [
    "", " ", "Hello world", "  Hello   world  ", "don't DON'T I'll we'Ve", "1234567 3.14 1,000,000", "a\tb\r\nc\n\n\nd \n e",
    "naïve Zürich ÉCOLE e\u0301 Å Å", "日本語の文章、中国語。한국어", "👩‍👩‍👧 👍🏽 🇩🇪 🙂🙂", "a:<s>->", "<s>uns</s> x", "[CLS] a [SEP]b[MASK] c",
    "\u00a0x\u2003y\u3000z\u0085w\ufeff", "NUL\u0000 \u0001 \u200b \u200d", "ΑΣ ΣΑΣ, ﬁne ½ ① ａｂｃ ¨x…", "x" * 120, "foo_bar(baz)=[1]; // ok?", "ſ'ſ 'K İI",
    "<|endoftext|>The people<|im_end|> of", "<mask>  the", " <mask> the", "trailing   ", "▁x ▁▁y _", "क्षि กำ นี้ \u0903", "the <pad> <unk> end",
]

# What is written below is merged as far as the pre-tokenizer lets it, so that its cuts show in the ids.
TRAINING = [TEXT[:4000], *(text for text in TEXTS for _ in range(20))]


def bytelevel(vocab=560, specials=("<|endoftext|>",), pre=None, normalizer=None, **options):
    t = Tokenizer(models.BPE(**options))
    if normalizer:
        t.normalizer = normalizer
    t.pre_tokenizer = pre or pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.train_from_iterator(TRAINING, trainers.BpeTrainer(vocab_size=vocab, show_progress=False, special_tokens=list(specials), initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.decoder = decoders.ByteLevel()
    return t


def split_bytes(*patterns, **options):
    splits = [pre_tokenizers.Split(Regex(p), "isolated") for p in patterns]
    return bytelevel(pre=pre_tokenizers.Sequence([*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]), **options)


def begins_with(t, *tokens):
    single = " ".join([*tokens, "$A"])
    t.post_processor = processors.TemplateProcessing(single=single, pair=f"{single} {' '.join(x + ':1' for x in tokens)} $B:1", special_tokens=[(x, t.token_to_id(x)) for x in tokens])
    return t


LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
DEEPSEEK = [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"]
BLOOM = " ?[^(\\s|[.,!?…。，、।۔،])]+"
BYTES = [f"<0x{i:02X}>" for i in range(256)]


def llama3():
    t = split_bytes(LLAMA3, specials=["<|begin_of_text|>", "<|endoftext|>", "<|im_end|>"], ignore_merges=True)
    begins_with(t, "<|begin_of_text|>")
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), t.post_processor])
    return t


def sentencepiece_bpe(normalizer, pre):
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    train = Tokenizer(models.BPE())
    train.pre_tokenizer = pre_tokenizers.Metaspace()
    train.train_from_iterator(TRAINING, trainers.BpeTrainer(vocab_size=250, show_progress=False))
    model = json.loads(train.to_str())["model"]
    pieces = ["<unk>", "<s>", "</s>", *BYTES, *(x for x in model["vocab"])]
    t.model = models.BPE(vocab={x: i for i, x in enumerate(pieces)}, merges=[tuple(m) for m in model["merges"]], unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    if normalizer:
        t.normalizer = normalizer
    if pre:
        t.pre_tokenizer = pre
    t.add_special_tokens([AddedToken(x, normalized=False) for x in ("<unk>", "<s>", "</s>")])
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return begins_with(t, "<s>")


def unigram(pre, normalizer, specials, end=None, **options):
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizer
    t.pre_tokenizer = pre
    t.train_from_iterator(TRAINING, trainers.UnigramTrainer(vocab_size=250, show_progress=False, special_tokens=specials, unk_token="<unk>"))
    t.decoder = decoders.Metaspace()
    return t


def t5():
    normalizer = normalizers.Sequence([normalizers.Precompiled(RULES), normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "▁")])
    t = unigram(pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]), normalizer, ["<pad>", "</s>", "<unk>"])
    t.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", t.token_to_id("</s>"))])
    return t


def xlm_roberta():
    t = unigram(pre_tokenizers.Metaspace(), normalizers.Sequence([normalizers.Precompiled(RULES), normalizers.Replace(Regex(" {2,}"), "▁")]), ["<s>", "<pad>", "</s>", "<unk>"])
    t.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
    t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[(x, t.token_to_id(x)) for x in ("<s>", "</s>")])
    return t


def albert():
    normalizer = normalizers.Sequence([normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Precompiled(RULES)])
    t = unigram(pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]), normalizer, ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"])
    return t


def bert(lowercase):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.train_from_iterator(TRAINING, trainers.WordPieceTrainer(vocab_size=400, show_progress=False, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    t.decoder = decoders.WordPiece()
    return t


def roberta():
    t = bytelevel(pre=pre_tokenizers.ByteLevel(add_prefix_space=True), specials=["<s>", "<pad>", "</s>", "<unk>"])
    t.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return t


def clip():
    pattern = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    t = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    train = Tokenizer(models.BPE())
    train.pre_tokenizer = t.pre_tokenizer
    merges = [(a, b + "</w>") for a, b in ("th", "he", "of", "an", "nd", "in", "on", "er")]
    vocab = [*alphabet, *(x + "</w>" for x in alphabet), *(a + b for a, b in merges), "<|startoftext|>", "<|endoftext|>"]
    t.model = models.BPE(vocab={x: i for i, x in enumerate(vocab)}, merges=merges, unk_token="<|endoftext|>", end_of_word_suffix="</w>", continuing_subword_prefix="")
    t.add_special_tokens(["<|startoftext|>", "<|endoftext|>"])
    t.decoder = decoders.ByteLevel()
    return t


PREPEND = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
FAMILIES = {
    "GPT-2": bytelevel(),
    "Llama 3": llama3(),
    "Qwen2": split_bytes(QWEN2, specials=["<|endoftext|>", "<|im_end|>"], normalizer=normalizers.NFC()),
    "GPT-OSS": split_bytes(O200K),
    "DeepSeek": split_bytes(*DEEPSEEK),
    "BLOOM": split_bytes(BLOOM, specials=["<unk>", "<s>", "</s>", "<pad>"]),
    "StarCoder": bytelevel(pre=pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])),
    "Falcon": bytelevel(pre=pre_tokenizers.Sequence([pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False), pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")])),
    "Llama 2": sentencepiece_bpe(PREPEND, None),
    "Mistral": sentencepiece_bpe(None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False)),
    "Gemma": sentencepiece_bpe(normalizers.Replace(" ", "▁"), pre_tokenizers.Split(" ", "merged_with_previous")),
    "T5": t5(),
    "XLM-RoBERTa": xlm_roberta(),
    "ALBERT": albert(),
    "BERT, uncased": bert(True),
    "BERT, cased": bert(False),
    "RoBERTa": roberta(),
    "CLIP": clip(),
}

out = {}
for name, t in FAMILIES.items():
    results = []
    for text in TEXTS:
        ids = t.encode(text, add_special_tokens=False).ids
        with_specials = t.encode(text)
        pair = t.encode(text, "the end")
        results.append({"text": text, "ids": ids, "decoded": t.decode(ids, skip_special_tokens=False), "single": with_specials.ids, "pair": [pair.ids, pair.type_ids]})
    out[name] = {"json": json.loads(t.to_str()), "results": results}
print("{")
print(",\n".join(f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=True, separators=(',', ':'))}" for name, value in out.items()))
print("}")
