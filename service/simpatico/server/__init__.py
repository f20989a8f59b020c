"""The gRPC service: sessions, limits, conversion, health, drain. It measures nothing itself.

``convert``     the only code that turns protobuf messages into Simpatico's types and back
``status``      the only table from exceptions to gRPC status
``gate``        how fast a call's audio may come
``tracks``      chunks of one or two tracks -> samples in order
``session``     one call: messages in, answers out; no I/O, no clock
``lanes``       jobs of one call one after another, on threads shared by all calls
``outbox``      answers on their way to a client that may be slow
``stream``      one StreamAnalyze: many calls, time-outs, faults, drain
``recording``   one AnalyzeRecording
``service``     what all streams of a process share
``memory``      the database of the process, and who looks after it
``callers``     CallerService; ``convert_callers`` its messages
``routing``     RoutingService; ``convert_routing`` its messages
``router``      rankings within a deadline; ``learning`` the models they use
``decoding``    bytes -> messages, and handlers of methods with one request
``access``      who may call what
``aborting``    ending an RPC by an error
``exposure``    what may be served where
``app``         listening: ports, TLS, health, reflection, signals
``workers``     several processes on one port
``logs``        log lines without audio or identity
"""
