"""A played GitHub, GitLab, Azure DevOps and folder of releases on the loopback: only what hopmark-ci.sh asks of them."""

import io
import json
import re
import threading
import urllib.parse
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOKEN = "played-token"


class Forge:
    """Artefacts and comments of one repository. `deny` names a kind of request that is refused, with its status."""

    def __init__(self, releases: Path):
        self.releases, self.artefacts, self.comments, self.deny, self.log = releases, [], [], {}, []
        forge = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def reply(self, status, body):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                forge.log.append(f"{self.command} {self.path}")
                signs = [f"Bearer {TOKEN}", TOKEN]
                given = [self.headers.get(name) for name in ("Authorization", "PRIVATE-TOKEN", "JOB-TOKEN")]
                url = urllib.parse.urlsplit(self.path)
                if not url.path.startswith("/releases/") and not any(one in signs for one in given):
                    return self.reply(401, {"message": "no token"})
                query = dict(urllib.parse.parse_qsl(url.query))
                self.reply(*forge.route(self.command, url.path, query, body))

            do_GET = do_POST = do_PATCH = do_PUT = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def keep(self, name: str, branch: str, files: dict, good: bool):
        """Stores an artefact: name in the zip -> bytes."""
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in files.items():
                archive.writestr(path, content)
        number = len(self.artefacts) + 1
        self.artefacts.append({"id": number, "name": name, "branch": branch, "good": good, "zip": data.getvalue()})

    def newest(self, name: str, branch: str):
        found = [one for one in self.artefacts if one["good"] and (one["name"], one["branch"]) == (name, branch)]
        return found[-1] if found else None

    def route(self, method, path, query, body):
        for kind, status in self.deny.items():
            if re.search(kind, f"{method} {path}"):
                return status, {"message": "refused"}
        for pattern, handler in ROUTES:
            found = re.fullmatch(pattern, f"{method} {path}")
            if found:
                return handler(self, query, body, *found.groups())
        return 404, {"message": f"{method} {path} is not played"}

    def page(self, query):
        page, size = int(query.get("page", 1)), int(query.get("per_page", 30))
        return self.comments[(page - 1) * size : page * size]

    def add(self, text):
        self.comments.append({"id": 1000 + len(self.comments), "body": text})
        return self.comments[-1]

    def change(self, number, text):
        next(one for one in self.comments if one["id"] == int(number))["body"] = text


def github_artefacts(forge, query, _body):
    listed = [
        {
            "id": one["id"],
            "expired": False,
            "created_at": f"2026-12-01T00:00:{one['id']:02}Z",
            "workflow_run": {"head_branch": one["branch"], "repository_id": 1, "head_repository_id": 1},
        }
        for one in forge.artefacts
        if one["name"] == query["name"]
    ]
    # One of a fork, on a branch of the same name, newer than any other: it must not be taken.
    fork = {"head_branch": "main", "repository_id": 1, "head_repository_id": 2}
    listed.append({"id": 99, "expired": False, "created_at": "2026-12-02T00:00:00Z", "workflow_run": fork})
    return 200, {"artifacts": listed}


def zip_of(forge, _query, _body, number):
    return 200, next(one for one in forge.artefacts if one["id"] == int(number))["zip"]


def release(forge, _query, _body, name):
    file = forge.releases / name
    return (200, file.read_bytes()) if file.is_file() else (404, {})


def gitlab_artefact(forge, query, _body, branch):
    found = forge.newest(query["job"], branch)
    return (200, found["zip"]) if found else (404, {"message": "404 Not Found"})


def azure_builds(forge, query, _body):
    assert query["resultFilter"] == "succeeded"
    found = forge.newest("hopmark-baseline", query["branchName"])
    return 200, {"value": [{"id": found["id"]}] if found else []}


def changed(key):
    def change(forge, _query, body, number):
        forge.change(number, body[key])
        return 200, {}

    return change


ROUTES = [
    (r"GET /releases/v[^/]+/(.+)", release),
    (r"GET /repos/owner/elsewhere", lambda *_: (200, {"default_branch": "main"})),
    (r"GET /repos/owner/elsewhere/actions/artifacts", github_artefacts),
    (r"GET /repos/owner/elsewhere/actions/artifacts/(\d+)/zip", zip_of),
    (r"GET /repos/owner/elsewhere/issues/7/comments", lambda forge, query, _: (200, forge.page(query))),
    (r"POST /repos/owner/elsewhere/issues/7/comments", lambda forge, _, body: (201, forge.add(body["body"]))),
    (r"PATCH /repos/owner/elsewhere/issues/comments/(\d+)", changed("body")),
    (r"GET /api/v4/projects/5/jobs/artifacts/(\w+)/download", gitlab_artefact),
    (r"GET /api/v4/projects/5/merge_requests/7/notes", lambda forge, query, _: (200, forge.page(query))),
    (r"POST /api/v4/projects/5/merge_requests/7/notes", lambda forge, _, body: (201, forge.add(body["body"]))),
    (r"PUT /api/v4/projects/5/merge_requests/7/notes/(\d+)", changed("body")),
    (r"GET /team/_apis/build/builds", azure_builds),
    (
        r"GET /team/_apis/build/builds/(\d+)/artifacts",
        lambda forge, _q, _b, number: (200, {"resource": {"downloadUrl": f"{forge.url}/zip/{number}"}}),
    ),
    (r"GET /zip/(\d+)", zip_of),
    (
        r"GET /team/_apis/git/repositories/3/pullRequests/7/threads",
        lambda forge, _q, _b: (200, {"value": [{"id": c["id"], "comments": [{"content": c["body"]}]} for c in forge.comments]}),
    ),
    (
        r"POST /team/_apis/git/repositories/3/pullRequests/7/threads",
        lambda forge, _q, body: (200, forge.add(body["comments"][0]["content"])),
    ),
    (r"PATCH /team/_apis/git/repositories/3/pullRequests/7/threads/(\d+)/comments/1", changed("content")),
]
