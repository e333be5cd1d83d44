"""The core of the Gmail REST API v1 over the mail app's state.

Messages, attachments, threads, labels, drafts, profile, batch, and uploads as media or multipart. What is not here is
refused by name with 501: settings, watch, S/MIME. Known limits: mail goes only to users of the world; HTML is read as
text, and dropped beside a plain part; of a client's headers those for addresses, subject, Message-ID and answers are
kept, Reply-To and X-… are not; search covers new text and not what is quoted under it; no history is kept, so
``history.list`` gives the 404 that tells clients to sync in full; resumable uploads are refused.
"""
