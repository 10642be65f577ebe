"""A stand-in for the custom-resource function: a `bootstrap` over the Lambda Runtime API, standard library only.

What it does is in the properties: `OnCreate`, `OnUpdate` and `OnDelete` each hold words separated by blanks.
`fail`, `crash`, `hang`, `silent`, `no-id`, `sleep=<s>`, `crash-times=<n>`, `content-type`, `long`, `twice`,
`id=<text>`, `self` (invoke itself and let the second invocation answer).
Invoked with `calls` it makes them: service, Region, operation (or "" for a look), parameters.
"""

import http.client
import json
import os
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

API = os.environ["AWS_LAMBDA_RUNTIME_API"]


def main():
    while True:
        connection = http.client.HTTPConnection(API, timeout=3600)
        connection.request("GET", "/2018-06-01/runtime/invocation/next")
        response = connection.getresponse()
        if response.status != 200:
            return
        event, headers = json.loads(response.read()), response.headers
        request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        try:
            result, kind = handle(event, headers), "response"
        except Exception as error:
            result, kind = {"errorMessage": str(error), "errorType": type(error).__name__}, "error"
        post(f"/2018-06-01/runtime/invocation/{request_id}/{kind}", result)


def post(path, value):
    connection = http.client.HTTPConnection(API, timeout=10)
    connection.request("POST", path, body=json.dumps(value))
    connection.getresponse().read()


def handle(event, headers):
    if "RequestType" not in event:
        if event.get("fail"):
            raise RuntimeError("asked to fail")
        if event.get("sleep"):
            time.sleep(event["sleep"])
        if event.get("calls"):
            return [call(*wanted) for wanted in event["calls"]]
        left = int(headers["Lambda-Runtime-Deadline-Ms"]) / 1000 - time.time()
        arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        return {"pid": os.getpid(), "left": left, "arn": arn, "environment": dict(os.environ)}
    properties = event["ResourceProperties"]
    words = properties.get("On" + event["RequestType"], "").split()
    options = dict(word.partition("=")[::2] for word in words)
    print(event["RequestType"], event["LogicalResourceId"], words, flush=True)
    if "sleep" in options:
        time.sleep(float(options["sleep"]))
    if "crash" in options or crashes_now(options, event):
        os._exit(3)
    if "hang" in options:
        time.sleep(3600)
    if "silent" in options:
        return None
    if "self" in options and not event.get("Continuation"):
        invoke_self({**event, "Continuation": 1})
        return None
    data = {"Echo": properties.get("Echo", ""), "Kind": event["RequestType"], "Pid": str(os.getpid())}
    answer = {
        "Status": "FAILED" if "fail" in options else "SUCCESS",
        "Reason": "asked to fail" if "fail" in options else "",
        "PhysicalResourceId": options.get("id") or "id/" + properties.get("Name", event["LogicalResourceId"]),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": data,
    }
    if "no-id" in options:
        del answer["PhysicalResourceId"]
    if "long" in options:
        answer["Reason"] = "x" * 5000
    status = put(event["ResponseURL"], answer, "application/json" if "content-type" in options else "")
    if status != 200 and "content-type" in options:
        answer["Data"] = {"Refused": str(status)}
        status = put(event["ResponseURL"], answer, "")
    if "twice" in options:
        put(event["ResponseURL"], answer, "")
    if status != 200:
        raise RuntimeError(f"the answer was not taken: {status}")
    return None


def call(service, region, operation, parameters):
    """One call of AWS, or with no operation a look whether its endpoint answers; what came of it in one word."""
    if not operation:
        parts = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
        try:
            connection.request("HEAD", f"{parts.path}/", headers={"Host": f"{service}.{region}.amazonaws.com"})
            return str(connection.getresponse().status)
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
    sys.path.insert(0, os.environ["BOTOCORE"])
    import botocore.session
    from botocore.config import Config

    config = Config(retries={"max_attempts": 0})
    client = botocore.session.get_session().create_client(service, region_name=region, config=config)
    try:
        getattr(client, operation)(**parameters)
    except Exception as error:
        print(error, flush=True)
        return type(error).__name__
    return "ok"


def crashes_now(options, event):
    """Count the deliveries of a request in a file, because a crash forgets everything else."""
    if "crash-times" not in options:
        return False
    marks = Path(os.environ["MARKS"]) / event["RequestId"]
    seen = int(marks.read_text()) if marks.exists() else 0
    marks.write_text(str(seen + 1))
    return seen < int(options["crash-times"])


def put(url, answer, content_type):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    headers = {"Content-Type": content_type} if content_type else {"Content-Type": ""}
    try:
        connection.request("PUT", f"{parts.path}?{parts.query}", body=json.dumps(answer), headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0


def invoke_self(event):
    """Invoke asynchronously with the credentials of the environment; the vendored signer is botocore's."""
    sys.path.insert(0, os.environ["BOTOCORE"])
    import botocore.session

    client = botocore.session.get_session().create_client("lambda", region_name=os.environ["AWS_REGION"])
    client.invoke(
        FunctionName=os.environ["AWS_LAMBDA_FUNCTION_NAME"], InvocationType="Event", Payload=json.dumps(event).encode()
    )


main()
