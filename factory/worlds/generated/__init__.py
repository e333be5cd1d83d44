"""Tasks from schemas: generators that read any declaration of an app.

A *kind* of task (``find_update``) applied to an entity or an operation of an app is a template, as
``helpdesk.find_update.ticket``. Candidates come from what an agent could see in a world; each is a plan
(:mod:`factory.verifiers.declared.deeds`),
played by oracles, judged against what the declaration says that it leaves behind, and worded in many styles.
"""
