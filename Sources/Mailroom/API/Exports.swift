// Message types that are encoded by hand use the transport's writer; its methods shall be there with `import Mailroom` alone.
@_exported public import MailroomTransport
