# SPDX-License-Identifier: Apache-2.0
"""Three replicas of vsattest-verifierd on one Redis behind haproxy, as packaging/service/compose.yaml has them."""

import base64
import collections
import itertools
import random
import signal
import threading

import harness
import verifierd

CHALLENGES = 20 if harness.is_sanitized() else 200
TRIES = 30
# Threads of clients, and tokens that they get between one fault and the next.
CLIENTS = 6
TOKENS = 10 if harness.is_sanitized() else 40
ROUNDS = 3
REPLICAS = ("one.sock", "two.sock", "three.sock")
# Refusals that faults may cause. Status 0: the connection ended without an answer.
UNLUCKY = {(0, None), (502, None), (503, None), (503, "store_unavailable"), (409, "challenge_used"),
           (409, "challenge_expired")}


class Outcomes:
    """What all clients saw."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.tokens = collections.Counter()  # by challenge
        self.redeemed = {}  # challenge: body of a token that was answered
        self.wrong = []

    def refused(self):
        """How many were answered with 503, by the service or by haproxy, which knows of no replica that is ready."""
        return self.counts[503, "store_unavailable"] + self.counts[503, None]

    def add(self, body, outcome, token):
        with self.lock:
            self.counts[outcome] += 1
            if token:
                self.tokens[body["challenge"]] += 1
                self.redeemed[body["challenge"]] = body


class FleetTestCase(verifierd.StoreTestCase, verifierd.ProxyTestCase):
    def setUp(self):
        super().setUp()
        # As start_nsm() measures.
        self.nsm_policy(pcrs=[{str(n): f"a{n}" * 48 for n in range(3)}])
        self.shared += ["--trust-proxy", "--issuer", "https://verifier.example"]
        self.fleet = {name: self.start_replica(name) for name in REPLICAS}
        self.start_haproxy(self.compose_proxy())

    def start_replica(self, name):
        self.start_verifierd(*self.shared, name=name)
        return self.verifierd

    def post(self, target, body, connection=None):
        """(status, error), and the answer; status 0 without one."""
        kept = connection or self.connection()
        try:
            answer = verifierd.ask(None, "POST", target, body, connection=kept)
            # What haproxy answers itself is HTML.
            plain = answer.status == 200 or "json" not in answer.headers.get("Content-Type", "")
            return (answer.status, None if plain else answer.json()["error"]), answer
        except (OSError, verifierd.http.client.HTTPException):
            return (0, None), None
        finally:
            if not connection:
                kept.close()


class OnlyOnce(FleetTestCase):
    def test_30_tries_of_each_at_once(self):
        bodies = [self.redeemable(self.path(REPLICAS[n % len(REPLICAS)])) for n in range(CHALLENGES)]
        barrier = threading.Barrier(TRIES, timeout=harness.PATIENCE)
        results = [collections.Counter() for _ in bodies]
        lock = threading.Lock()

        def redeem():
            connection = self.connection()
            for body, counter in zip(bodies, results):
                barrier.wait()
                outcome, _ = self.post("/v1/verify", body, connection)
                with lock:
                    counter[outcome] += 1
            connection.close()

        threads = [threading.Thread(target=redeem) for _ in range(TRIES)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for counter in results:
            self.assertEqual(counter, {(200, None): 1, (409, "challenge_used"): TRIES - 1})
        # All three had a part in it.
        for name in REPLICAS:
            metrics = verifierd.ask(self.path(name), "GET", "/metrics").body.decode()
            self.assertRegex(metrics, r'challenges_total{event="replayed"} [1-9]')


class KilledUnderLoad(FleetTestCase):
    def check_token(self, outcomes, body, answer, genuine):
        """The verdict is that of this document, and the token is for this challenge."""
        claims = verifierd.claims_of(answer.body.decode())
        wanted = {"hardware": 97, "executables": 3, "configuration": 3} if genuine else None
        vector = verifierd.vector(claims)
        right = vector == wanted if genuine else set(vector.values()) == {99}
        if not right or claims["eat_nonce"] != body["challenge"] or claims["iss"] != "https://verifier.example":
            outcomes.wrong.append((genuine, claims))

    def verify(self, outcomes, body, genuine=True):
        outcome, answer = self.post("/v1/verify", body)
        token = outcome == (200, None)
        if token:
            self.check_token(outcomes, body, answer, genuine)
        if not token and outcome not in UNLUCKY:
            outcomes.wrong.append((outcome, answer and answer.body))
        # A document that is not genuine uses no challenge up.
        outcomes.add(body, outcome, token and genuine)

    def one_challenge(self, outcomes, choice, stop):
        """Two clients present it at once, then a forged document, then one that was redeemed before."""
        outcome, answer = self.post("/v1/challenges", {"policy": "p"})
        if outcome != (200, None):
            if outcome not in UNLUCKY:
                outcomes.wrong.append((outcome, answer.body))
            outcomes.add({}, outcome, False)
            stop.wait(0.02)
            return
        challenge = answer.json()["challenge"]
        document = self.attested(challenge)
        body = self.body(document, challenge)
        twin = threading.Thread(target=self.verify, args=(outcomes, body))
        twin.start()
        self.verify(outcomes, body)
        twin.join()
        forged = document[:-1] + bytes([document[-1] ^ 1])
        self.verify(outcomes, dict(body, document=base64.b64encode(forged).decode()), genuine=False)
        with outcomes.lock:
            before = choice.choice(list(outcomes.redeemed.values())) if outcomes.redeemed else body
        self.verify(outcomes, before)

    def faults(self):
        """Names of what is killed and restarted, with what does it."""
        for name in REPLICAS:
            yield name, self.fleet[name], lambda name=name: self.fleet.update({name: self.start_replica(name)})
        yield "redis", self.redis, self.start_redis

    def test_no_challenge_twice_and_no_token_lost(self):
        self.assertEqual(self.ready(self.path(REPLICAS[0])), 200)
        # From here on a restart brings this state back, without what was redeemed since.
        self.command("SAVE")
        outcomes, stop = Outcomes(), threading.Event()

        def client(seed):
            choice = random.Random(seed)
            while not stop.is_set():
                self.one_challenge(outcomes, choice, stop)

        threads = [threading.Thread(target=client, args=(seed,)) for seed in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(ROUNDS):
                for what, service, restart in list(self.faults()):
                    self.wait_for_tokens(outcomes)
                    service.stop(signal.SIGKILL)
                    if what == "redis":
                        seen = outcomes.refused()
                        harness.wait_until(lambda: outcomes.refused() > seen, "503")
                    restart()
            self.wait_for_tokens(outcomes)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(outcomes.wrong[:1], [])
        self.assertEqual({n for n in outcomes.tokens.values()}, {1}, outcomes.counts)
        self.assertGreaterEqual(len(outcomes.redeemed), TOKENS * ROUNDS * 4)
        # What was answered with a token is redeemed, as far as any replica knows.
        for body, name in zip(outcomes.redeemed.values(), itertools.cycle(REPLICAS)):
            self.assertIn(self.settled(self.path(name), body), {(409, "challenge_used"), (409, "challenge_expired")})
        for name in REPLICAS:
            self.result(self.path(name), self.redeemable(self.path(name)))

    def settled(self, path, body):
        """(status, error) once the replica has its store back, which it may not have noticed yet."""
        def ask():
            answer = verifierd.ask(path, "POST", "/v1/verify", body)
            outcome = answer.status, answer.json().get("error")
            return outcome != (503, "store_unavailable") and outcome
        return harness.wait_until(ask, "the store")

    def wait_for_tokens(self, outcomes):
        wanted = len(outcomes.redeemed) + TOKENS
        harness.wait_until(lambda: len(outcomes.redeemed) >= wanted, f"{TOKENS} tokens")
