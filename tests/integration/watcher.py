"""Somebody who watches everything a daemon does, from before the first launch, and goes on where he was when the daemon was gone."""

import threading

import grpc

import api

STATE = api.event_pb.EventType.Value("EVENT_TYPE_CONTAINER_STATE")


def state_name(state):
    return api.container_pb.ContainerState.Name(state).removeprefix("CONTAINER_STATE_").lower()


class Watcher:
    def __init__(self, client, **filters):
        self.client = client
        self.filters = filters
        self.events = []
        self.failure = None
        self.closing = False
        self.stream = client.stream_out("EventService", "Watch", timeout=None, **filters)
        # From here on no event is missed: the headers are an answer.
        self.stream.initial_metadata()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.closing:
            try:
                for answer in self.stream:
                    self.events.extend(answer.events)
            except grpc.RpcError as error:
                if self.closing:
                    return
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    self.failure = error
                    return
            start = {"after": self.events[-1].cursor} if self.events else {}
            self.stream = self.client.stream_out("EventService", "Watch", timeout=None, **start,
                                                 **self.filters)

    def close(self):
        self.closing = True
        self.stream.cancel()
        self.thread.join(20)

    def states(self):
        """The states each container went through, in order, by uid."""
        if self.failure:
            raise self.failure
        told = {}
        for event in list(self.events):
            if event.type == STATE:
                told.setdefault(event.uid, []).append(state_name(event.state))
        return told

    def exits(self):
        return {event.uid: event.exit for event in list(self.events)
                if event.type == STATE and state_name(event.state) == "exited"}

    def gaps(self):
        """Places where an event was lost, or told twice. Numbers go on over the deaths of a daemon."""
        numbers = [event.cursor.sequence for event in list(self.events)]
        return [(one, two) for one, two in zip(numbers, numbers[1:]) if two != one + 1]
