"""Workers of speed.py: answers checked by math-verify, samples graded and counted by lighteval."""
import json
import logging
import time

from speed_common import serve

logging.disable(logging.CRITICAL)


def gold_of(text):
    return text if "$" in text or "\\boxed" in text else f"${text}$"


def verify(path):
    """Seconds for all pairs, and each one's verdict. math-verify's defaults; gold answers are marked as formulas, as its page says."""
    from math_verify import parse, verify as equal
    rows = [json.loads(line) for line in open(path)]
    start = time.perf_counter()
    out = []
    for r in rows:
        try:
            p = parse(str(r["pred"]))
            golds = r["gold"] if isinstance(r["gold"], list) else [r["gold"]]
            out.append(any(equal(parse(gold_of(str(g))), p) for g in golds))
        except Exception:  # what it can't compare
            out.append(False)
    return {"seconds": time.perf_counter() - start, "equal": out}


def evaluate(path, n, ks, extract):
    """Means of lighteval's metrics over the questions of {"gold", "pred": [..]}, by comparing texts or extracted answers."""
    from lighteval.metrics.dynamic_metrics import ExprExtractionConfig, LatexExtractionConfig, MultilingualExtractiveMatchMetric
    from lighteval.metrics.metrics_sample import AvgAtN, GPassAtK, MajAtN, PassAtK
    from lighteval.models.model_output import ModelResponse
    from lighteval.tasks.requests import Doc
    from lighteval.utils.language import Language
    rows = [json.loads(line) for line in open(path)]
    targets = (ExprExtractionConfig(), LatexExtractionConfig())
    grade = MultilingualExtractiveMatchMetric(Language.ENGLISH, gold_extraction_target=targets, pred_extraction_target=targets) if extract else None
    graded = {}

    def score(doc, model_response):
        """Each sample is graded once, not once for each metric."""
        key = (doc.query, model_response.final_text[0])
        if key not in graded:
            gold = doc.get_golds()[0]
            graded[key] = int(grade.compute(doc, model_response)) if extract else int(gold == model_response.final_text[0])
        return graded[key]
    metrics = {"accuracy": AvgAtN(n=n, sample_scoring_function=score), f"maj@{n}": MajAtN(n=n, sample_scoring_function=score)}
    metrics.update({f"pass@{k}": PassAtK(k=k, n=n, sample_scoring_function=score) for k in ks})
    metrics["g"] = GPassAtK(k=ks, n=n, thresholds=[0.5, 1.0], sample_scoring_function=score)
    start = time.perf_counter()
    sums = {}
    for i, r in enumerate(rows):
        doc, response = Doc(query=str(i), choices=[r["gold"]], gold_index=0), ModelResponse(text=r["pred"])
        for name, m in metrics.items():
            v = m.compute(doc=doc, model_response=response)
            for key, x in (v.items() if isinstance(v, dict) else [(name, v)]):
                sums[key] = sums.get(key, 0.0) + float(x)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "values": {k: v / len(rows) for k, v in sums.items()}, "graded": len(graded)}


def version(package):
    from importlib.metadata import version as of
    return {"version": of(package)}


if __name__ == "__main__":
    serve({"verify": verify, "evaluate": evaluate, "version": version})
