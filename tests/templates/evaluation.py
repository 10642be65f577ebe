"""Conditions and Rules as CloudFormation evaluates them, so that checks can ask what a set of parameters leads to.

A parameter that another stack's output will fill counts as given; what exactly it will be is not known.
"""

GIVEN_BY_ANOTHER_STACK = "given-by-another-stack"


def values(template, given):
    """The parameters of a template: what is given, else its defaults; lists as lists."""
    found = {}
    for name, parameter in template.section("Parameters").items():
        value = given.get(name, parameter.get("Default", GIVEN_BY_ANOTHER_STACK))
        if not isinstance(value, (str, int, float)):
            value = GIVEN_BY_ANOTHER_STACK
        value = str(value)
        is_list = parameter["Type"] == "CommaDelimitedList" or parameter["Type"].startswith("List<")
        found[name] = value.split(",") if is_list else value
    return found


def holds(template, condition, given):
    """Whether a condition of the template is true."""
    return evaluate(template.section("Conditions")[condition], template, values(template, given))


def broken(template, given):
    """What CloudFormation would say: the descriptions of all assertions that do not hold."""
    known = values(template, given)
    return [
        assertion["AssertDescription"]
        for rule in template.section("Rules").values()
        if evaluate(rule.get("RuleCondition", True), template, known)
        for assertion in rule["Assertions"]
        if not evaluate(assertion["Assert"], template, known)
    ]


def evaluate(expression, template, known):
    """A condition to its truth, any other expression to its value."""

    def value(inner):
        return evaluate(inner, template, known)

    match expression:
        case {"Ref": name}:
            # Pseudo parameters are values that nothing else equals.
            return known.get(name, name)
        case {"Condition": name}:
            return value(template.section("Conditions")[name])
        case {"Fn::Equals": [one, other]}:
            return str(value(one)) == str(value(other))
        case {"Fn::Not": [inner]}:
            return not value(inner)
        case {"Fn::And": inner}:
            return all(value(each) for each in inner)
        case {"Fn::Or": inner}:
            return any(value(each) for each in inner)
        case {"Fn::If": [condition, then, otherwise]}:
            return value(then) if value({"Condition": condition}) else value(otherwise)
        case {"Fn::Contains": [members, wanted]}:
            return value(wanted) in [value(member) for member in value(members)]
        case {"Fn::EachMemberEquals": [members, wanted]}:
            return all(member == value(wanted) for member in value(members))
        case {"Fn::Join": [separator, members]}:
            return separator.join(value(members))
        case {"Fn::Split": [separator, text]}:
            return value(text).split(separator)
        case {"Fn::Select": [index, members]}:
            return value(members)[int(index)]
        case dict():
            raise NotImplementedError(f"unknown function: {expression}")
    return expression
