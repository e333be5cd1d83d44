"""How questions, custom operations and conditional tasks may be put, by kind."""

from __future__ import annotations

from collections.abc import Mapping

from factory.worlds.wordings import Wordings

ASKING: Mapping[str, Wordings] = {
    "count": Wordings(
        train=(
            "How many {things} are there? Answer with the number.",
            "Count the {things}, and hand in just the number.",
            "Number of {things}?",
            "Please tell me how many {things} {app} has; only the number.",
            "I am writing a report and need one figure: how many {things} there are.",
            "Could you count the {things} for me? The number will do.",
            "My boss wants to know how many {things} we have. Reply with the number alone.",
            "Look in {app} and find out how many {things} there are. Submit the number.",
            "We have a bet on how many {things} there are. What is the exact number?",
            "Give me the number of {things}.",
            "It would be good to know how many {things} exist at the moment; answer with a number.",
            "Go through the {plural} and count: how many are {things}? Just the number, please.",
        ),
        heldout=(
            "I need to know how many {things} there are. Please submit just the number.",
            "What is the number of {things} in {app}?",
            "Count for me: how many {things} exist at the moment?",
        ),
    ),
    "compare": Wordings(
        train=(
            "Which has {most}: {any}? Answer with its {label}.",
            "Compare {all}. Which has {most}? Give its {label}.",
            "Of {all}, tell me the {label} of the one that has {most}.",
            "Please find out which has {most}, {any}, and reply with its {label} alone.",
            "I cannot decide between {all}. I want the one with {most}; what is its {label}?",
            "Look at {all} in {app}. Submit the {label} of whichever has {most}.",
            "We had an argument about which has {most}: {any}? Hand in the {label} of the right one.",
            "{all}: which of them has {most}? Its {label}, please.",
            "Could you see whether it is {any} that has {most}? Just answer with the {label}.",
            "Only one of {all} has {most}. Say which, by its {label}.",
            "For the report I need the {label} of the one that has {most}: it is {any}.",
            "Find the one with {most} among {all}; its {label} is the answer.",
        ),
        heldout=(
            "Please compare {all} with each other, and answer with the {label} of the one that has {most}.",
            "Is it {any} that has {most}? Reply with the {label}.",
            "Tell me which has {most}, by its {label}: {any}.",
        ),
    ),
    "report": Wordings(
        train=(
            "What is the {field} of {row}? Answer with that alone.",
            "{field} of {row}?",
            "Tell me the {field} of {row}, exactly as it stands there.",
            "Please look up {row}, and hand in its {field}.",
            "Could you tell me which {field} {row} has? Only that, please.",
            "I am on the phone with someone who asks for the {field} of {row}. What is it?",
            "Find {row} in {app}; the answer is its {field}.",
            "I forgot the {field} of {row}. Look it up for me, and reply with nothing else.",
            "Submit the {field} that {app} has for {row}.",
            "We need to know what the {field} of {row} is. Give it as it is written.",
            "Look at {row}. Which {field} does it have?",
            "For the minutes, I need the {field} of {row}.",
        ),
        heldout=(
            "Please find out the {field} of {row}, and submit it as it is written.",
            "Somebody asks which {field} {row} has. What is it?",
            "Look up the {field} of {row} for me.",
        ),
    ),
    "act": Wordings(
        train=(
            "{verb} {row}{inputs}.",
            "Please {verb} {row}{inputs}.",
            "Could you {verb} {row}{inputs}?",
            "Find {row}, and {verb} it{inputs}.",
            "It is time to {verb} {row}{inputs}.",
            "I was asked to {verb} {row}{inputs}. Would you do it for me?",
            "In {app}, {verb} {row}{inputs}; nothing else has to be done.",
            "We are done discussing it: {verb} {row}{inputs}.",
            "Next on the list is {row}. Please {verb} it{inputs}.",
            "Somebody has to {verb} {row}{inputs}, and it had better be you.",
            "After the meeting it was clear what to do about {row}: {verb} it{inputs}.",
            "I would like you to {verb} {row}{inputs}.",
        ),
        heldout=(
            "Would you {verb} {row}{inputs}, please?",
            "Look for {row} in {app} and {verb} it{inputs}.",
            "It was decided to {verb} {row}{inputs}. Please do it.",
        ),
    ),
    "if_allowed": Wordings(
        train=(
            "{verb} {row}{inputs}, if {app} allows it as things stand; else decline.",
            "If possible, {verb} {row}{inputs}. If not, decline.",
            "Please {verb} {row}{inputs}; should its present state forbid that, decline the task.",
            "Could you {verb} {row}{inputs}? Do not force it: where it cannot be done now, decline.",
            "Check {row}. Where the rules permit, {verb} it{inputs}; otherwise decline.",
            "I am not sure that one may still {verb} {row}{inputs}. If one may, do it; if not, decline.",
            "{row}: {verb} it{inputs} if that can be done right now, and decline if it cannot.",
            "Somebody wants me to {verb} {row}{inputs}. See whether it is possible; decline if it is not.",
            "Try to {verb} {row}{inputs}. Change nothing else to make it possible; decline instead.",
            "In {app}, {verb} {row}{inputs}. If it is not in the right state for that, decline.",
            "Unless the app forbids it, {verb} {row}{inputs}. If it forbids it, decline.",
            "We would like to {verb} {row}{inputs}, but only as far as the rules go: decline if they do not allow it.",
        ),
        heldout=(
            "Please check whether one may {verb} {row}{inputs} as things stand. If so, do it; if not, decline.",
            "{verb} {row}{inputs} where that can be done; otherwise decline.",
            "See whether the rules permit you to {verb} {row}{inputs}. Do it if they do, else decline.",
        ),
    ),
    "only_if": Wordings(
        train=(
            "{do}, but only if its {field} is {value}; otherwise decline.",
            "If the {field} of {row} is {value}, {do}. If not, decline.",
            "Please {do}. Our policy: that is allowed only where the {field} is {value}; else decline.",
            "Check the {field} of {row} first. Only where it is {value}, {do}; decline in any other case.",
            "Could you {do}? You may do so only while its {field} is {value}. Decline if it is anything else.",
            "The rule is that the {field} must be {value}. If {row} keeps to it, {do}; else decline.",
            "I would like you to {do}, provided that its {field} is {value}. Otherwise decline the task.",
            "Decline, unless the {field} of {row} is {value}; then {do}.",
            "Somebody asked us to {do}. We do that only if the {field} is {value}, and decline all else.",
            "See whether {row} has {value} as its {field}: if so, {do}, and if not, decline.",
            "Our lawyers insist on one thing: {field} {value}. Where that holds of {row}, {do}; else decline.",
            "Given that its {field} is {value}, {do}; if it is not, nothing may be changed, so decline.",
        ),
        heldout=(
            "Only where the {field} of {row} is {value} may you {do}. Decline if it is not.",
            "Please {do} if its {field} is {value}, and decline otherwise.",
            "See whether the {field} of {row} is {value}. If so, {do}; else decline the task.",
        ),
    ),
}
