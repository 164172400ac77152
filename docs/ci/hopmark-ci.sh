#!/bin/sh
# What GitHub, GitLab and Azure Pipelines do with hopmark, one command for each step. Needs sh, curl, jq, tar and unzip.
#
#   hopmark-ci.sh setup      installs hopmark: HOPMARK_BINARY, or the archive of HOPMARK_VERSION from HOPMARK_DOWNLOAD
#   hopmark-ci.sh baseline   fetches the run that the last good build of the default branch kept
#   hopmark-ci.sh measure    runs HOPMARK_PROFILE (without one, the quickstart); repeats an invalid run once
#   hopmark-ci.sh compare    compares the run with the baseline
#   hopmark-ci.sh report     writes the summary, and one comment on the pull request, which later builds update
#   hopmark-ci.sh verdict    ends with 0, 1 (refused), 2 (wrong input), 3 (objective missed, path failed or regression) or
#                            4 (invalid); an inconclusive run ends with 0 and a warning
#
# HOPMARK_DIR (hopmark-ci)   the folder of all files        HOPMARK_ARGS     more flags of `hopmark run`, split at spaces
# HOPMARK_NAME (hopmark)     tells several jobs apart       HOPMARK_MARGIN   margins of `hopmark compare`, split at spaces
# HOPMARK_TOKEN              the platform's token, for the API (GitHub, Azure: the job's own; GitLab: one with scope `api`)
set -eu

dir=${HOPMARK_DIR:-hopmark-ci}
name=${HOPMARK_NAME:-hopmark}
marker="<!-- hopmark: $name -->"
PATH="$(pwd)/$dir/bin:$PATH"
case $dir in /*) PATH="$dir/bin:$PATH" ;; esac
if [ -n "${GITHUB_ACTIONS:-}" ]; then
  platform=github
elif [ -n "${GITLAB_CI:-}" ]; then
  platform=gitlab
elif [ -n "${TF_BUILD:-}" ]; then
  platform=azure
else
  platform=none
fi

# warning|error MESSAGE: where the platform shows it.
say() {
  case $platform in
    github) echo "::$1 title=$name::$2" ;;
    azure) echo "##vso[task.logissue type=$1]$name: $2" ;;
    *) echo "$name: $1: $2" >&2 ;;
  esac
}

fail() {
  say error "$1"
  exit 1
}

# A setting that a step cannot do without.
needs() {
  eval "value=\${$1:-}"
  [ -n "$value" ] || fail "$1 is not set; $2"
}

# METHOD URL FILE [BODY]: asks the platform; the answer goes to FILE, its status to standard output. The token is handed over
# by standard input, where no list of processes shows it.
ask() {
  case $platform in
    gitlab) header="PRIVATE-TOKEN: ${HOPMARK_TOKEN:-}" ;;
    *) header="Authorization: Bearer ${HOPMARK_TOKEN:-}" ;;
  esac
  # The job's own token reads artefacts on GitLab.
  case $platform:$2 in gitlab:*/artifacts/*) [ -n "${HOPMARK_TOKEN:-}" ] || header="JOB-TOKEN: ${CI_JOB_TOKEN:-}" ;; esac
  set -- "$1" "$2" "$3" "${4:-}"
  if [ -n "$4" ]; then
    printf '%s\n' "$header" | curl --silent --show-error --location --max-time 120 --request "$1" --header @- \
      --header 'Content-Type: application/json' --data-binary "@$4" --output "$3" --write-out '%{http_code}' "$2"
  else
    printf '%s\n' "$header" | curl --silent --show-error --location --max-time 120 --request "$1" --header @- \
      --output "$3" --write-out '%{http_code}' "$2"
  fi
}

# WHAT METHOD URL FILE [BODY]: asks, and ends if the answer is not a success.
must() {
  what=$1
  shift
  status=$(ask "$@") || fail "cannot $what: no answer from $2"
  case $status in 2??) ;; *) fail "cannot $what: $2 answered $status; see the permissions in docs/ci/README.md" ;; esac
}

setup() {
  mkdir -p "$dir/bin"
  if [ -n "${HOPMARK_BINARY:-}" ]; then
    [ -x "$HOPMARK_BINARY" ] || fail "HOPMARK_BINARY is $HOPMARK_BINARY, which is not a program; name the file of hopmark"
    cp "$HOPMARK_BINARY" "$dir/bin/hopmark"
  else
    needs HOPMARK_VERSION "name a release such as 0.1.0, or set HOPMARK_BINARY to a program"
    needs HOPMARK_DOWNLOAD "name the address that holds vVERSION/hopmark-VERSION-TARGET.tar.gz and vVERSION/SHA256SUMS"
    version=${HOPMARK_VERSION#v}
    archive=hopmark-$version-${HOPMARK_TARGET:-$(uname -m)-unknown-linux-musl}
    for file in "$archive.tar.gz" SHA256SUMS; do
      curl --silent --show-error --fail --location --max-time 300 --retry 2 --output "$dir/$file" \
        "$HOPMARK_DOWNLOAD/v$version/$file" || fail "cannot download $HOPMARK_DOWNLOAD/v$version/$file"
    done
    (cd "$dir" && grep " $archive.tar.gz\$" SHA256SUMS | sha256sum -c - >/dev/null) ||
      fail "$archive.tar.gz does not have the checksum that SHA256SUMS names"
    tar -xzf "$dir/$archive.tar.gz" -C "$dir"
    cp "$dir/$archive/hopmark" "$dir/bin/hopmark"
    rm -rf "${dir:?}/$archive" "$dir/$archive.tar.gz" "$dir/SHA256SUMS"
  fi
  hopmark --version
}

# The file of the last good run of the default branch, as $dir/base.zip; 1 where there is none yet.
fetch_base() {
  case $platform in
    github)
      needs GITHUB_REPOSITORY "this step runs in GitHub Actions"
      api=${GITHUB_API_URL:-https://api.github.com}/repos/$GITHUB_REPOSITORY
      must "find the default branch" GET "$api" "$dir/answer"
      branch=$(jq -r .default_branch "$dir/answer")
      echo "$branch" >"$dir/default-branch"
      must "list the artefacts" GET "$api/actions/artifacts?name=$name-baseline&per_page=100" "$dir/answer"
      id=$(jq -r --arg branch "$branch" '[.artifacts[] | select(.expired | not) | select(.workflow_run.head_branch == $branch
        and .workflow_run.head_repository_id == .workflow_run.repository_id)] | max_by(.created_at) | .id // empty' "$dir/answer")
      [ -n "$id" ] || return 1
      must "fetch the last good run" GET "$api/actions/artifacts/$id/zip" "$dir/base.zip"
      ;;
    gitlab)
      # GitLab serves the artefacts of the newest successful pipeline.
      url=$CI_API_V4_URL/projects/$CI_PROJECT_ID/jobs/artifacts/$CI_DEFAULT_BRANCH/download?job=$CI_JOB_NAME
      status=$(ask GET "$url" "$dir/base.zip") || fail "cannot fetch the last good run: no answer from $url"
      case $status in
        2??) ;;
        404) return 1 ;;
        *) fail "cannot fetch the last good run: $url answered $status; see the permissions in docs/ci/README.md" ;;
      esac
      ;;
    azure)
      api=$SYSTEM_COLLECTIONURI$SYSTEM_TEAMPROJECT/_apis/build/builds
      branch=${HOPMARK_DEFAULT_BRANCH:-refs/heads/main}
      query="definitions=$SYSTEM_DEFINITIONID&branchName=$branch&statusFilter=completed&resultFilter=succeeded"
      must "find the last good build" GET "$api?$query&\$top=1&api-version=7.1" "$dir/answer"
      id=$(jq -r '.value[0].id // empty' "$dir/answer")
      [ -n "$id" ] || return 1
      status=$(ask GET "$api/$id/artifacts?artifactName=$name-baseline&api-version=7.1" "$dir/answer") ||
        fail "cannot list the artefacts of build $id"
      case $status in
        2??) ;;
        404) return 1 ;;
        *) fail "cannot list the artefacts of build $id: answered $status; see the permissions in docs/ci/README.md" ;;
      esac
      must "fetch the last good run" GET "$(jq -r .resource.downloadUrl "$dir/answer")" "$dir/base.zip"
      ;;
    none) return 1 ;;
  esac
}

baseline() {
  mkdir -p "$dir"
  rm -rf "$dir/base"
  if fetch_base; then
    unzip -q -o "$dir/base.zip" -d "$dir/unpacked" || fail "the artefact of the last good run is not a zip file"
    found=$(find "$dir/unpacked" -name manifest.json -path '*run/manifest.json' | head -n 1)
    [ -n "$found" ] || found=$(find "$dir/unpacked" -name manifest.json | head -n 1)
    [ -n "$found" ] || fail "the artefact of the last good run holds no run directory"
    mv "$(dirname "$found")" "$dir/base"
    rm -rf "$dir/unpacked"
    echo "the last good run of the default branch is in $dir/base"
  else
    echo "there is no good run of the default branch yet, so there is nothing to compare with"
  fi
  rm -f "$dir/base.zip" "$dir/answer"
}

# One run; its exit code goes to $dir/measure.code, what it says is printed and kept.
run_once() {
  code=0
  # HOPMARK_ARGS is split at spaces on purpose.
  # shellcheck disable=SC2086
  hopmark run ${HOPMARK_PROFILE:+"$HOPMARK_PROFILE"} --out "$dir/run" --quiet --strict ${HOPMARK_ARGS:-} \
    >"$dir/measure.log" 2>&1 || code=$?
  cat "$dir/measure.log"
  echo "$code" >"$dir/measure.code"
}

measure() {
  mkdir -p "$dir"
  rm -rf "$dir/run" "$dir/run-invalid" "$dir/measure.code"
  run_once
  if [ "$code" = 4 ]; then
    say warning "the run is invalid: this machine, not the paths, was the limit; it is repeated once"
    [ ! -d "$dir/run" ] || mv "$dir/run" "$dir/run-invalid"
    run_once
  fi
}

compare() {
  rm -rf "$dir/compare" "$dir/compare.code"
  case $(cat "$dir/measure.code") in 0 | 3 | 5) ;; *) return 0 ;; esac
  [ -d "$dir/base" ] || return 0
  code=0
  set --
  for margin in ${HOPMARK_MARGIN:-}; do set -- "$@" --margin "$margin"; done
  hopmark compare "$dir/base" "$dir/run" "$@" --strict --format md,json,junit --out "$dir/compare" \
    >"$dir/compare.log" 2>&1 || code=$?
  cat "$dir/compare.log"
  echo "$code" >"$dir/compare.code"
}

# One sentence about what was found.
sentence() {
  case $(cat "$dir/measure.code" 2>/dev/null || echo 1) in
    0 | 5)
      case $(cat "$dir/compare.code" 2>/dev/null || echo none) in
        3) echo "Slower than the last good run of the default branch, by more than chance and more than the margin." ;;
        0) echo "No regression against the last good run of the default branch." ;;
        5) echo "Undecided: longer runs are needed to tell a regression from chance." ;;
        4) echo "Not compared: the last good run or this one is invalid." ;;
        none) echo "Measured. There is no good run of the default branch yet, so nothing was compared." ;;
        *) echo "Measured, but it could not be compared with the last good run of the default branch." ;;
      esac
      ;;
    3) echo "An objective was missed, or a path failed." ;;
    4) echo "Invalid twice: this machine, not the paths, was the limit. Do not use the figures." ;;
    2) echo "Not measured: the profile or a flag is wrong." ;;
    130 | 143) echo "Not measured: the run was interrupted." ;;
    *) echo "Not measured: a path could not be reached, or a folder could not be written." ;;
  esac
}

# A log as a block of Markdown, its last lines.
quoted() {
  [ -s "$1" ] || return 0
  printf '\n```text\n'
  tail -n 20 "$1" | sed 's/```/` ` `/g'
  printf '```\n'
}

write_comment() {
  {
    echo "$marker"
    echo "### $name"
    echo
    sentence
    if [ -f "$dir/compare/comparison.md" ]; then
      echo
      cat "$dir/compare/comparison.md"
    elif [ -f "$dir/compare.code" ]; then
      quoted "$dir/compare.log"
    fi
    if [ -f "$dir/run/summary.md" ]; then
      printf '\n<details><summary>This run</summary>\n\n'
      cat "$dir/run/summary.md"
      printf '\n</details>\n'
    else
      quoted "$dir/measure.log"
    fi
  } | head -c 60000 >"$dir/comment.md"
}

# LIST CREATE UPDATE-PREFIX METHOD FILTER: finds the comment that starts with the marker on any page, and updates it; else
# writes one. FILTER turns a page into objects {id, body}; the body's JSON is in $dir/body.json.
stick() {
  page=1
  known=
  while [ -z "$known" ]; do
    must "read the comments" GET "$1$page" "$dir/answer"
    known=$(jq -r --arg marker "$marker" "[$5 | select(.body != null and (.body | startswith(\$marker)))][0].id // empty" \
      "$dir/answer")
    count=$(jq -r "[$5] | length" "$dir/answer")
    [ "$count" -eq 100 ] || break
    page=$((page + 1))
  done
  if [ -n "$known" ]; then
    must "update the comment" "$4" "$3$known$6" "$dir/answer" "$dir/body.json"
  else
    must "write the comment" POST "$2" "$dir/answer" "$dir/create.json"
  fi
}

comment() {
  jq -n --rawfile body "$dir/comment.md" '{body: $body}' >"$dir/body.json"
  cp "$dir/body.json" "$dir/create.json"
  case $platform in
    github)
      number=$(echo "${GITHUB_REF:-}" | sed -n 's|^refs/pull/\([0-9][0-9]*\)/.*|\1|p')
      [ -n "$number" ] || return 0
      api=${GITHUB_API_URL:-https://api.github.com}/repos/$GITHUB_REPOSITORY/issues
      stick "$api/$number/comments?per_page=100&page=" "$api/$number/comments" "$api/comments/" PATCH '.[]' ''
      ;;
    gitlab)
      [ -n "${CI_MERGE_REQUEST_IID:-}" ] || return 0
      api=$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes
      stick "$api?per_page=100&page=" "$api" "$api/" PUT '.[]' ''
      ;;
    azure)
      [ -n "${SYSTEM_PULLREQUEST_PULLREQUESTID:-}" ] || return 0
      api=$SYSTEM_COLLECTIONURI$SYSTEM_TEAMPROJECT/_apis/git/repositories/$BUILD_REPOSITORY_ID
      api=$api/pullRequests/$SYSTEM_PULLREQUEST_PULLREQUESTID/threads
      jq '{content: .body}' "$dir/create.json" >"$dir/body.json"
      jq '{comments: [{parentCommentId: 0, content: .body, commentType: 1}], status: 4}' "$dir/create.json" >"$dir/thread.json"
      mv "$dir/thread.json" "$dir/create.json"
      # All threads come on one page; the comment is the first of its thread.
      stick "$api?api-version=7.1&page=" "$api?api-version=7.1" "$api/" PATCH \
        '.value[] | {id: (.id | tostring), body: .comments[0].content}' '/comments/1?api-version=7.1'
      ;;
    none) return 0 ;;
  esac
  echo "the comment on the pull request says: $(sentence)"
}

report() {
  if [ -f "$dir/run/manifest.json" ]; then
    code=0
    hopmark report "$dir/run" --format md,junit --out "$dir/run" >/dev/null || code=$?
    # The exit code of a report repeats the verdict.
    case $code in 0 | 3 | 4 | 5) ;; *) say warning "the report of $dir/run could not be written" ;; esac
  fi
  write_comment
  case $platform in
    github) [ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat "$dir/comment.md" >>"$GITHUB_STEP_SUMMARY" ;;
    azure) echo "##vso[task.uploadsummary]$(cd "$dir" && pwd)/comment.md" ;;
    *) cat "$dir/comment.md" ;;
  esac
  if [ -n "${HOPMARK_TOKEN:-}" ]; then
    # A comment that cannot be written (the token of a fork may not) hides no verdict.
    (comment) || say warning "the comment could not be written; the summary of the job has the same text"
  fi
  rm -f "$dir/answer" "$dir/body.json" "$dir/create.json"
}

verdict() {
  [ -f "$dir/measure.code" ] || fail "nothing was measured"
  code=$(cat "$dir/measure.code")
  compared=$(cat "$dir/compare.code" 2>/dev/null || echo 0)
  case $code in
    0 | 5)
      case $compared in
        0) ;;
        3 | 4 | 5) code=$compared ;;
        *) say warning "$(sentence)" ;;
      esac
      ;;
  esac
  case $code in
    0) sentence ;;
    5)
      say warning "inconclusive: the run was too short to decide every objective and comparison"
      code=0
      ;;
    *) say error "$(sentence)" ;;
  esac
  # A good run of the default branch is what later builds are compared with.
  keep=false
  if [ "$code" = 0 ] && [ "${GITHUB_REF:-}" = "refs/heads/$(cat "$dir/default-branch" 2>/dev/null)" ]; then keep=true; fi
  [ -z "${GITHUB_OUTPUT:-}" ] || printf 'code=%s\nkeep=%s\n' "$code" "$keep" >>"$GITHUB_OUTPUT"
  exit "$code"
}

case ${1:-} in
  setup | baseline | measure | compare | report | verdict) "$1" ;;
  *)
    sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//' >&2
    exit 2
    ;;
esac
