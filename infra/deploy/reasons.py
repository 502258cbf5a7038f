"""Says in one line what is missing or wrong, and what to do."""

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)


class Failed(Exception):
    """The operation has failed, for the reason that the message gives."""


EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
UNKNOWN = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
}
FORBIDDEN = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"}
# Parts of codes and messages about quotas.
QUOTAS = ("LimitExceeded", "limit exceeded", "TooManyBuckets", "quota")


def in_one_line(error, profile):
    """What an error of an AWS call means for the person who runs the command."""
    login = f"run `aws sso login{f' --profile {profile}' if profile else ''}`"
    match error:
        case NoCredentialsError() | PartialCredentialsError():
            return (
                "no AWS credentials are known: run `aws configure` or `aws configure sso`, name a "
                "profile with --profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        case ProfileNotFound():
            return f"there is no AWS profile {profile}: see `aws configure list-profiles`"
        case NoRegionError():
            return "no region is known: give --region or set AWS_REGION"
        case SSOError() | TokenRetrievalError():
            return f"there is no valid SSO session: {login}"
        case EndpointConnectionError() | ConnectTimeoutError():
            return f"{error}: is the name of the region right, and is there a network?"
        case ClientError():
            return of_answer(error, login)
        case _:
            return with_quota_hint(str(error))


def of_answer(error, login):
    code = error.response["Error"].get("Code", "")
    message = error.response["Error"].get("Message") or code
    if code in EXPIRED:
        return f"the AWS credentials have expired: {login}, or renew them"
    if code in UNKNOWN:
        return f"AWS does not take the credentials ({code}): check the profile or the access key"
    if code in FORBIDDEN:
        return (
            f"the AWS credentials lack a permission ({error.operation_name}): {message}; "
            "docs/OPERATING.md lists what deploying needs"
        )
    return with_quota_hint(f"{error.operation_name}: {message}", code)


def with_quota_hint(reason, code=""):
    is_quota = any(part in reason or part in code for part in QUOTAS)
    hint = "; a quota of the account is reached: raise it in Service Quotas" if is_quota else ""
    return reason + hint
