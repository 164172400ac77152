"""Carries out the CI files step by step, each step with the environment and the condition that the file declares."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import yaml

from forge import TOKEN

ROOT = Path(__file__).resolve().parents[2]


class Job:
    """What one build came to."""

    def __init__(self):
        self.code, self.output, self.steps = 0, "", []


def shell(job, argv, script, env, where):
    """Runs a script with nothing but a plain environment and what the file declares."""
    plain = {"PATH": os.environ["PATH"], "HOME": str(where), "LANG": "C.UTF-8"}
    done = subprocess.run(
        [*argv, script], cwd=where, env={**plain, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300
    )
    job.output += done.stdout
    if done.returncode and not job.code:
        job.code = done.returncode
    return done.returncode


def files_below(base: Path, paths, root: Path):
    found = {}
    for path in paths:
        for file in sorted((base / path).rglob("*")) if (base / path).is_dir() else [base / path]:
            if file.is_file():
                found[str(file.relative_to(root))] = file.read_bytes()
    return found


class Values(dict):
    """A context of GitHub's expressions: what is missing is empty."""

    def __getattr__(self, key):
        return self.get(key.replace("_", "-"), self.get(key, ""))


def expression(text, contexts, failed):
    code = text.replace("&&", " and ").replace("||", " or ")
    calls = {"always": lambda: True, "success": lambda: not failed, "format": lambda form, *parts: form.format(*parts)}
    return eval(code, {"__builtins__": {}}, {**contexts, **calls})  # noqa: S307: the repository's own files


def filled(text, contexts, failed):
    return re.sub(r"\$\{\{\s*(.*?)\s*\}\}", lambda found: str(expression(found[1], contexts, failed)), str(text))


def github(where: Path, forge, ref: str, env: dict, given: dict) -> Job:
    """The job of docs/ci/github-actions.yml, whose action is a copy of action.yml with docs/ci beside it."""
    job, action_path = Job(), where.parent / "action"
    shutil.rmtree(action_path, ignore_errors=True)
    (action_path / "docs").mkdir(parents=True)
    shutil.copy(ROOT / "action.yml", action_path)
    shutil.copytree(ROOT / "docs/ci", action_path / "docs/ci")
    workflow = yaml.safe_load((action_path / "docs/ci/github-actions.yml").read_text())
    checkout, use = workflow["jobs"]["latency"]["steps"]
    assert checkout["uses"].startswith("actions/checkout@") and use["uses"].startswith("OWNER/hopmark@")
    action = yaml.safe_load((action_path / "action.yml").read_text())
    facts = Values(
        token=TOKEN, action_path=str(action_path), action_ref=use["uses"].split("@")[1], action_repository="owner/hopmark",
        server_url="https://github.example.test",
    )
    contexts = {"github": facts, "secrets": Values(env), "steps": Values()}
    env = {name: filled(value, contexts, False) for name, value in use["env"].items()}
    inputs = {name: filled(one.get("default", ""), contexts, False) for name, one in action["inputs"].items()}
    contexts["inputs"] = Values({**inputs, **use["with"], **given})
    summary, output = where.parent / "job-summary.md", where.parent / "output"
    summary.write_text("")
    of_runner = {
        "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "owner/elsewhere", "GITHUB_API_URL": forge.url, "GITHUB_REF": ref,
        "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(output), "HOPMARK_TARGET": os.environ["HOPMARK_TARGET"],
    }
    for step in action["runs"]["steps"]:
        failed = job.code != 0
        state = contexts["steps"].setdefault(step.get("id", step["name"]), Values(outcome="skipped", outputs=Values()))
        condition = str(step.get("if", "success()"))
        if not expression(condition, contexts, failed) or (failed and "always()" not in condition):
            continue
        job.steps.append(step["name"])
        if "run" in step:
            output.write_text("")
            declared = {name: filled(value, contexts, failed) for name, value in step.get("env", {}).items()}
            assert step["shell"] == "sh" and "${{" not in step["run"], "a value in a script is a way to inject one"
            code = shell(job, ["sh", "-e", "-c"], step["run"], {**env, **of_runner, **declared}, where)
            state["outcome"] = "failure" if code else "success"
            state["outputs"] = Values(line.split("=", 1) for line in output.read_text().splitlines())
        else:
            assert re.fullmatch(r"actions/upload-artifact@[0-9a-f]{40}", step["uses"]), step["uses"]
            wanted = {name: filled(value, contexts, failed) for name, value in step["with"].items()}
            paths = wanted["path"].split()
            # The action keeps what stands below the deepest folder that all files share.
            root = where / paths[0] if len(paths) == 1 else where / "hopmark-ci"
            forge.keep(wanted["name"], ref.removeprefix("refs/heads/"), files_below(where, paths, root), True)
    return job


def gitlab(where: Path, forge, ref: str, env: dict, given: dict) -> Job:
    """The job of docs/ci/gitlab-ci.yml: its scripts are one shell, as a runner makes them."""
    job, text = Job(), (ROOT / "docs/ci/gitlab-ci.yml").read_text()
    declared = yaml.safe_load(text)["hopmark"]
    variables = {
        **declared["variables"], **env, **given, "GITLAB_CI": "true", "CI_API_V4_URL": f"{forge.url}/api/v4", "CI_PROJECT_ID": "5",
        "CI_DEFAULT_BRANCH": "main", "CI_JOB_NAME": "hopmark", "CI_JOB_TOKEN": TOKEN, "HOPMARK_TOKEN": TOKEN,
    }
    if ref.startswith("refs/pull/"):
        variables["CI_MERGE_REQUEST_IID"] = ref.split("/")[2]
    shell(job, ["bash", "-eo", "pipefail", "-c"], "\n".join(declared["before_script"] + declared["script"]), variables, where)
    job.steps = declared["script"]
    artefacts = declared["artifacts"]
    assert artefacts["when"] == "always"
    files = files_below(where, artefacts["paths"], where)
    for report in artefacts["reports"]["junit"]:
        assert job.code == 1 or report in files or "compare" in report, report
    forge.keep("hopmark", ref.removeprefix("refs/heads/"), files, job.code == 0)
    return job


def azure(where: Path, forge, ref: str, env: dict, given: dict) -> Job:
    """The steps of docs/ci/azure-pipelines.yml: variables reach a step in capitals, secret ones only where it names them."""
    job, pipeline = Job(), yaml.safe_load((ROOT / "docs/ci/azure-pipelines.yml").read_text())
    known = {
        **pipeline["variables"], **given, "Build.SourceBranch": ref, "System.CollectionUri": f"{forge.url}/",
        "System.TeamProject": "team", "System.DefinitionId": "2", "Build.Repository.Id": "3", "System.JobAttempt": "1",
        "TF_BUILD": "True",
    }
    if ref.startswith("refs/pull/"):
        known["System.PullRequest.PullRequestId"] = ref.split("/")[2]
    secret = {**env, "System.AccessToken": TOKEN}
    fill = lambda text: re.sub(r"\$\(([\w.]+)\)", lambda found: {**known, **secret}.get(found[1], found[0]), str(text))
    calls = {
        "succeeded": lambda: job.code == 0, "succeededOrFailed": lambda: True, "eq": lambda a, b: a == b,
        "and_": lambda *all_of: all(all_of), "variables": known,
    }
    for step in pipeline["steps"]:
        condition = step.get("condition", "succeeded()").replace("and(", "and_(")
        if "checkout" in step or not eval(condition, {"__builtins__": {}}, calls):  # noqa: S307
            continue
        job.steps.append(step.get("displayName") or step["task"])
        if "script" in step:
            declared = {name: fill(value) for name, value in step.get("env", {}).items()}
            exported = {name.upper().replace(".", "_"): value for name, value in known.items()}
            shell(job, ["bash", "--noprofile", "--norc", "-c"], step["script"], {**exported, **declared}, where)
        elif step["task"] == "PublishBuildArtifacts@1":
            root = where / step["inputs"]["PathtoPublish"]
            files = files_below(where, [root], root)
            named = {f"{step['inputs']['ArtifactName']}/{name}": data for name, data in files.items()}
            forge.keep(step["inputs"]["ArtifactName"], ref, named, True)
        elif step["task"] == "PublishTestResults@2":
            assert list(where.glob(step["inputs"]["testResultsFiles"])), "no test results"
        else:
            assert step["task"] == "PublishPipelineArtifact@1" and (where / step["inputs"]["targetPath"]).is_dir()
    return job


PLATFORMS = {"github": github, "gitlab": gitlab, "azure": azure}
