"""The local stack as scripts see it: its API, queues, table, and the environments of its functions.

Plain HTTP, without an SDK: the emulator takes any signature.
"""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from decimal import Decimal


def call(url, body=None, headers=(), method=None, timeout=60):
    """The status and the text of an answer, whatever the status is."""
    request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def call_or_wait(url):
    """The same for a question; one that nobody answers in time is as good as a 503."""
    try:
        return call(url)
    except OSError as error:
        return 503, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode()


class Stack:
    """The local stack, and what may be done to it."""

    def __init__(self, status):
        self.status = status
        self.api_url = status["api_url"]

    def aws(self, service, path, body=None, headers=(), method=None):
        credential = f"000000000000/20261121/{self.status['region']}/{service}/aws4_request"
        authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"
        body = None if body is None else json.dumps(body).encode()
        url = self.status["endpoint_url"] + path
        code, text = call(url, body, {"authorization": authorization, **dict(headers)}, method)
        if code >= 300:
            raise RuntimeError(f"{method or 'POST'} {path}: {code} {text.decode()}")
        return json.loads(text or b"{}")

    def queue(self, operation, **arguments):
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"AmazonSQS.{operation}"}
        return self.aws("sqs", "/", arguments, headers, "POST")

    def waiting(self, queue_url):
        """How many messages a queue has, in flight or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.queue("GetQueueAttributes", QueueUrl=queue_url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def rows(self, operation, **arguments):
        """All rows of a `Query` or a `Scan` of the table."""
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"DynamoDB_20120810.{operation}"}
        arguments |= {"TableName": self.status["table"], "ConsistentRead": True}
        rows = []
        while True:
            answer = self.aws("dynamodb", "/", arguments, headers, "POST")
            rows += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return rows
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def visibility_seconds(self, queue_url):
        answer = self.queue("GetQueueAttributes", QueueUrl=queue_url, AttributeNames=["VisibilityTimeout"])
        return answer["Attributes"]["VisibilityTimeout"]

    def set_visibility_seconds(self, queue_url, seconds):
        self.queue("SetQueueAttributes", QueueUrl=queue_url, Attributes={"VisibilityTimeout": str(seconds)})

    def variables(self, function):
        path = f"/2015-03-31/functions/{self.status['functions'][function]}/configuration"
        return self.aws("lambda", path, method="GET").get("Environment", {}).get("Variables", {})

    def set_variables(self, function, variables):
        """Gives a function another environment, which ends those of its processes that run."""
        path = f"/2015-03-31/functions/{self.status['functions'][function]}/configuration"
        self.aws("lambda", path, {"Environment": {"Variables": variables}}, method="PUT")

    def ask(self, path, **question):
        query = f"?{urllib.parse.urlencode(question)}" if question else ""
        for attempts_left in reversed(range(20)):
            code, text = call_or_wait(f"{self.api_url}{path}{query}")
            # 503 says that another try helps, and 502 that a function was not in time: the emulator shares the cores
            # of the machine with everything else.
            if code not in (502, 503) or attempts_left == 0:
                break
            time.sleep(1)
        if code != 200:
            sys.exit(f"{path}{query}: {code} {text.decode()}")
        return json.loads(text, parse_float=Decimal)

    def health(self):
        code, text = call_or_wait(f"{self.api_url}/health")
        return code, json.loads(text)
