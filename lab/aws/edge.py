"""ACM, Route 53 and WAF in the lab's account."""

from __future__ import annotations

from typing import Any

from lab.aws.made import Aws, Inputs, Made, Maker, given, tag_list
from lab.waiting import until

_VALIDATION_SECONDS = 20.0


def host_zone(aws: Aws, zone_id: str, domain: str) -> None:
    """Makes the public hosted zone that the settings take for granted.

    The stand-in picks ids by itself, so the settings' id is translated wherever a record names it.
    """
    if zone_id not in aws.hosted_zones:
        answer = aws.client("route53").create_hosted_zone(Name=domain, CallerReference=zone_id)
        aws.hosted_zones[zone_id] = answer["HostedZone"]["Id"].rsplit("/", 1)[-1]


def _zone(aws: Aws, zone_id: str) -> str:
    try:
        return aws.hosted_zones[zone_id]
    except KeyError:
        raise ValueError(f"the lab's account has no hosted zone {zone_id}") from None


def _certificate(aws: Aws, inputs: Inputs) -> Made:
    acm = aws.client("acm")
    names = inputs.get("subjectAlternativeNames") or ()
    key = inputs.get("keyAlgorithm")
    arn = acm.request_certificate(
        DomainName=inputs["domainName"],
        ValidationMethod=inputs.get("validationMethod") or "DNS",
        # The program does not ask for that: the Envoy in a load balancer's place gets the key by no other way.
        Options={"Export": "ENABLED"},
        **given(
            SubjectAlternativeNames=list(names) or None,
            KeyAlgorithm=key,
            Tags=tag_list(inputs.get("tags")) or None,
        ),
    )["CertificateArn"]
    described = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    # The provider hands them over in the order of the names; the stand-in knows no order.
    by_name = {option["DomainName"]: option for option in described["DomainValidationOptions"]}
    wanted = dict.fromkeys([inputs["domainName"], *names])
    return Made(
        id=arn,
        outputs={
            "arn": arn,
            "status": described["Status"],
            "domainValidationOptions": [
                {
                    "domainName": name,
                    "resourceRecordName": by_name[name]["ResourceRecord"]["Name"],
                    "resourceRecordType": by_name[name]["ResourceRecord"]["Type"],
                    "resourceRecordValue": by_name[name]["ResourceRecord"]["Value"],
                }
                for name in wanted
            ],
        },
    )


def _delete_certificate(aws: Aws, inputs: Inputs, made: Made) -> None:
    aws.client("acm").delete_certificate(CertificateArn=made.id)


def _validation(aws: Aws, inputs: Inputs) -> Made:
    """Waits until ACM has issued, having seen that the records which ACM would look up exist in the account's DNS.

    The stand-in issues after a second whether they exist or not, so their absence is an error of ours to find.
    """
    acm, arn = aws.client("acm"), inputs["certificateArn"]
    published = _published(aws)
    described = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    for option in described["DomainValidationOptions"]:
        record = option["ResourceRecord"]
        if published.get(record["Name"].rstrip(".")) != record["Value"].rstrip("."):
            raise ValueError(f"ACM would wait for ever: no hosted zone has the validation record {record['Name']}")
    until(
        lambda: acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "ISSUED",
        seconds=_VALIDATION_SECONDS,
        what=f"ACM to issue {arn}",
    )
    return Made(id=arn, outputs={"certificateArn": arn})


def _published(aws: Aws) -> dict[str, str]:
    route53 = aws.client("route53")
    return {
        record["Name"].rstrip("."): record["ResourceRecords"][0]["Value"].rstrip(".")
        for zone in route53.list_hosted_zones()["HostedZones"]
        for record in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
        if record.get("ResourceRecords")
    }


def _record(aws: Aws, inputs: Inputs) -> Made:
    # allowOverwrite: the domain and its wildcard share one validation record. Otherwise it is looked for here: the
    # stand-in takes a name behind it for it, once it was created and deleted (moto, change_resource_record_sets).
    if not inputs.get("allowOverwrite") and _exists(aws, inputs):
        raise ValueError(f"the record {inputs['name']} of type {inputs['type']} already exists")
    _change(aws, "UPSERT", inputs)
    zone, name = inputs["zoneId"], inputs["name"].rstrip(".")
    return Made(id=f"{zone}_{name}_{inputs['type']}", outputs={"fqdn": name})


def _exists(aws: Aws, inputs: Inputs) -> bool:
    name = f"{inputs['name'].rstrip('.')}."
    found = aws.client("route53").list_resource_record_sets(
        HostedZoneId=_zone(aws, inputs["zoneId"]), StartRecordName=name, StartRecordType=inputs["type"]
    )["ResourceRecordSets"]
    return any((each["Name"], each["Type"]) == (name, inputs["type"]) for each in found)


def _delete_record(aws: Aws, inputs: Inputs, made: Made) -> None:
    _change(aws, "DELETE", inputs)


def _change(aws: Aws, action: str, inputs: Inputs) -> None:
    # As Route 53 keeps it: the stand-in deletes by this name only.
    record: dict[str, Any] = {"Name": f"{inputs['name'].rstrip('.')}.", "Type": inputs["type"]}
    aliases = inputs.get("aliases")
    if aliases:
        record["AliasTarget"] = {
            "HostedZoneId": aliases[0]["zoneId"],
            "DNSName": aliases[0]["name"],
            "EvaluateTargetHealth": bool(aliases[0].get("evaluateTargetHealth")),
        }
    else:
        record["TTL"] = int(inputs.get("ttl") or 300)
        record["ResourceRecords"] = [{"Value": value} for value in inputs["records"]]
    aws.client("route53").change_resource_record_sets(
        HostedZoneId=_zone(aws, inputs["zoneId"]),
        ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record}]},
    )


def _web_acl(aws: Aws, inputs: Inputs) -> Made:
    visibility = _pascal(inputs["visibilityConfig"])
    answer = aws.client("wafv2").create_web_acl(
        Name=inputs["name"],
        Scope=inputs["scope"],
        DefaultAction=_action(inputs["defaultAction"]),
        VisibilityConfig={
            **visibility,
            "CloudWatchMetricsEnabled": visibility.pop("CloudwatchMetricsEnabled"),
        },
        Rules=[_rule(rule) for rule in inputs.get("rules") or ()],
        **given(Description=inputs.get("description"), Tags=tag_list(inputs.get("tags")) or None),
    )["Summary"]
    return Made(
        id=answer["Id"],
        outputs={"arn": answer["ARN"], "name": inputs["name"], "lockToken": answer["LockToken"]},
    )


def _delete_web_acl(aws: Aws, inputs: Inputs, made: Made) -> None:
    waf = aws.client("wafv2")
    named = {"Name": inputs["name"], "Scope": inputs["scope"], "Id": made.id}
    waf.delete_web_acl(**named, LockToken=waf.get_web_acl(**named)["LockToken"])


def _action(action: Any) -> dict[str, Any]:
    return {key[0].upper() + key[1:]: {} for key in action}


def _rule(rule: Inputs) -> dict[str, Any]:
    visibility = _pascal(rule["visibilityConfig"])
    plain = {
        "Name": rule["name"],
        "Priority": int(rule["priority"]),
        "Statement": _pascal(rule["statement"]),
        "VisibilityConfig": {
            **visibility,
            "CloudWatchMetricsEnabled": visibility.pop("CloudwatchMetricsEnabled"),
        },
    }
    if "overrideAction" in rule:
        plain["OverrideAction"] = _action(rule["overrideAction"])
    if "action" in rule:
        plain["Action"] = _action(rule["action"])
    return plain


def _pascal(value: Any) -> Any:
    """`managedRuleGroupStatement` -> `ManagedRuleGroupStatement`, all the way down."""
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: _pascal(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_pascal(item) for item in value]
    return value


MAKERS: dict[str, Maker] = {
    "aws:acm/certificate:Certificate": Maker(create=_certificate, delete=_delete_certificate),
    "aws:acm/certificateValidation:CertificateValidation": Maker(create=_validation, delete=lambda *_: None),
    "aws:route53/record:Record": Maker(create=_record, delete=_delete_record),
    "aws:wafv2/webAcl:WebAcl": Maker(create=_web_acl, delete=_delete_web_acl),
}
