"""Asks an OSS server by Alibaba's own client: lists and reads what the test has put there, as JSON on stdout.

usage: oss_sdk.py ENDPOINT KEY_ID KEY_SECRET [SECURITY_TOKEN]
"""

import json
import sys

import alibabacloud_oss_v2 as oss


def client(endpoint, *keys):
    """A client that tries once and names the bucket in the path."""
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(*keys)
    config.region = "cn-hangzhou"
    config.endpoint = endpoint
    config.use_path_style = True
    config.signature_version = "v4"
    config.retry_max_attempts = 1
    return oss.Client(config)


def listed(store, **query):
    """Keys and prefixes of a listing of many pages."""
    pages = list(store.list_objects_v2_paginator().iter_page(oss.ListObjectsV2Request(bucket="ray", **query)))
    keys = [found.key for page in pages for found in page.contents or []]
    prefixes = [found.prefix for page in pages for found in page.common_prefixes or []]
    return {"pages": len(pages), "keys": keys, "prefixes": prefixes}


def read(store, key, **query):
    """Bytes of an object, as text."""
    return store.get_object(oss.GetObjectRequest(bucket="ray", key=key, **query)).body.content.decode()


def main():
    """Everything that our own store asks of OSS."""
    store = client(*sys.argv[1:])
    try:
        odd = listed(store, prefix="odd/")
        answers = {
            "odd": odd,
            "bodies": {key: read(store, key) for key in odd["keys"]},
            "part": read(store, "ten", range_header="bytes=2-4", range_behavior="standard"),
            "size": store.head_object(oss.HeadObjectRequest(bucket="ray", key="ten")).content_length,
            "many": listed(store, prefix="many/", max_keys=1000),
            "folders": listed(store, prefix="many/", delimiter="/")["prefixes"],
        }
    except oss.exceptions.OperationError as error:
        refused = error.unwrap()
        answers = {"refused": [getattr(refused, "status_code", None), getattr(refused, "code", str(refused))]}
    print(json.dumps(answers))


main()
