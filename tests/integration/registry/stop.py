"""A node that is told to stop answers what its REST face was asked: what waits for a leader to be there, and what is on
its way to another node."""
import argparse
import http.client
import json
import os
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "groups"))
from cluster import DEADLINE, Nodes, check, wait_until  # noqa: E402

COUNT = 3
CLIENTS = 12  # of each node
STOPS = 4
WAITING = 5
HEADERS = {"Content-Type": "application/vnd.schemaregistry.v1+json"}


def answer_of(connection, method, path, body=None):
    connection.request(method, path, None if body is None else json.dumps(body), HEADERS)
    return json.loads(connection.getresponse().read())


def connection_to(address):
    host, port = address.rsplit(":", 1)
    return http.client.HTTPConnection(host, int(port), timeout=DEADLINE)


def open_calls(address):
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as page:
        lines = [line.split(" ") for line in page.read().decode().splitlines()]
    return [float(line[1]) for line in lines if line[0] == "forebay_api_open_calls"]


def stopped_while_requests_wait(nodes):
    """A node without the others does not know what there is."""
    for _ in range(STOPS):
        nodes.start(0)
        wait_until(lambda: open_calls(nodes.http[0]) == [0.0], "a node of three listens")
        answers = []
        asking = [threading.Thread(target=lambda: answers.append(answer_of(connection_to(nodes.http[0]), "GET", "/subjects")))
                  for _ in range(WAITING)]
        for thread in asking:
            thread.start()
        wait_until(lambda: open_calls(nodes.http[0]) == [float(WAITING)], "requests wait")
        nodes.stop(0)
        for thread in asking:
            thread.join()
        check([one.get("error_code") for one in answers] == [50004] * WAITING, f"each is answered: {answers}")


class Registering(threading.Thread):
    """Schemas of its own, one after the other, over a connection that stays where the node lets it."""

    def __init__(self, name, address):
        super().__init__(daemon=True)
        self.name_of_all, self.address = name, address
        self.registered, self.refused, self.unanswered, self.ended = 0, [], [], threading.Event()

    def run(self):
        connection, number, answered = connection_to(self.address), 0, None
        while not self.ended.is_set():
            number += 1
            schema = json.dumps({"type": "record", "name": f"{self.name_of_all}{number}", "fields": []})
            # A stopping node closes connections that are not used for 200 ms: on a loaded machine this thread may pause so long.
            may_be_closed = answered is not None and time.monotonic() - answered > 0.1
            try:
                answer = answer_of(connection, "POST", f"/subjects/{self.name_of_all}/versions", {"schema": schema})
                answered = time.monotonic()
                if "id" in answer:
                    self.registered += 1
                else:
                    self.refused.append(answer)
            except ConnectionRefusedError:
                answered = None
                connection.close()
                time.sleep(0.02)
            except (OSError, http.client.HTTPException) as error:
                answered = None
                connection.close()
                if not may_be_closed:
                    self.unanswered.append(repr(error))


def stopped_in_turn(nodes):
    def ready(index):
        with urllib.request.urlopen(f"http://{nodes.http[index]}/readyz", timeout=20):
            return True

    for index in range(COUNT):
        nodes.start(index)
    for index in range(COUNT):
        wait_until(lambda index=index: ready(index), f"node {index + 1} is ready")
    answer_of(connection_to(nodes.http[0]), "PUT", "/config", {"compatibility": "NONE"})
    threads = [Registering(f"On{index}c{client}", nodes.http[index]) for index in range(COUNT) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for index in range(COUNT):
        before = [thread.registered for thread in threads]
        wait_until(lambda before=before: all(thread.registered > count for thread, count in zip(threads, before)), "all register")
        nodes.stop(index)
        nodes.start(index)
        wait_until(lambda index=index: ready(index), f"node {index + 1} comes back")
    for thread in threads:
        thread.ended.set()
    for thread in threads:
        thread.join()
    print(f"{sum(thread.registered for thread in threads)} registered, refused: {[one for thread in threads for one in thread.refused]}")
    unanswered = [one for thread in threads for one in thread.unanswered]
    check(not unanswered, f"connections are closed without an answer: {unanswered}")
    # Not those of a leader that was elected away on a loaded machine: nobody knows what became of its last changes.
    given_up = [one for thread in threads for one in thread.refused if "did not answer" in one["message"]]
    check(not given_up, f"what was sent to a leader is answered: {given_up}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--daemon", required=True)
    arguments = parser.parse_args()
    for story in (stopped_while_requests_wait, stopped_in_turn):
        with tempfile.TemporaryDirectory() as directory:
            nodes = Nodes(arguments.daemon, directory, COUNT)
            try:
                story(nodes)
            except BaseException:
                nodes.tell_logs()
                raise
            finally:
                nodes.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
