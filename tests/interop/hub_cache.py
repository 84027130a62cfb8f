"""Reads or writes the hub's cache as Python does: hub_cache.py read|write ID. Prints JSON: path, and each file's text length and SHA-256."""

import hashlib
import json
import os
import sys

from huggingface_hub import scan_cache_dir, snapshot_download, try_to_load_from_cache

action, repo_id = sys.argv[1:]
path = snapshot_download(repo_id, local_files_only=action == "read")
files = {}
for folder, _, names in os.walk(path):
    for name in names:
        file = os.path.join(folder, name)
        with open(file, "rb") as stream:
            files[os.path.relpath(file, path).replace(os.sep, "/")] = hashlib.sha256(stream.read()).hexdigest()
scanned = scan_cache_dir()
print(
    json.dumps(
        {
            "path": path,
            "files": files,
            "config": try_to_load_from_cache(repo_id, "config.json"),
            "repos": [[repo.repo_id, repo.size_on_disk, repo.nb_files] for repo in scanned.repos],
            "warnings": [str(warning) for warning in scanned.warnings],
        }
    )
)
