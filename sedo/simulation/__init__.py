"""The simulation: the real processor, engine and use cases over stores, queues and clocks made of memory.

One seed is one run. Every I/O call of every invocation is a point where others go on and where faults strike.

    hub.py          virtual time; invocations wait as greenlets, and the hub says who goes on
    world.py        I/O calls and what strikes there; heads, chunks, and who drives what
    post.py         the queues; ticker.py: the schedule; invocations.py: what lies in queues and who is at work
    ports.py        Store and Queue as one invocation sees them; outside.py: what its calls come to
    faults.py       which fault strikes at which call; each kind has a budget of its own
    checks.py       the invariants of every commit; endings.py: those at the end of a run
    durations.py    how long waits, timeouts and pauses took
    scenarios.py    generated definitions, with the meaning of each step as plain data
    reference.py    a naive interpreter that knows nothing of the engine: what must come out
    trees.py        generated definitions that branch; actors.py: people, machines, signals, redrives
    places.py       what happened, by place; acceptor.py: whether that can have happened
    timetables.py   a schedule's timetable, and what each of its ticks has to start
    bounds.py       how much one decision may do
    plan.py         what a seed chooses; callers.py: who starts, cancels, reads and posts; run.py: one run to its end
    shrink.py       from a violation to a short story
    campaign.py     many seeds, counted

Invariants:

    version         a commit follows from the head that stands there, one version on
    terminal        an ended head never changes
    history         seq has no gap and no repeat; what was committed never changes, not even in the memory of who
                    read it; chunks hold committed events only
    reading         reading a history gives all that was committed before, at every moment
    outcome         every visit of a step commits exactly one outcome, and starts once
    token           what waits has a token that no earlier attempt had
    due             a live head's `due_at` is no later than the next moment that matters (a message's: 15 minutes after)
    driver          a live cursor has a message somewhere, or somebody who is about to send it, or an entry in the index
    watchdog        a look never had to replace a message that was not lost
    ends            every execution ends
    reference       state, output, error and visits are what the reference says; given up is only what had a dead letter
                    in its last life, and without faults only for calls that break or outlast the visibility timeout
    early           no wait, timeout or heartbeat ends, and no retry begins, before its time, by clocks as far apart as
                    they are in the run
    late            without faults, none of them is late, but for heartbeats, and where one call holds up others since
                    little work is enough for a decision
    deadline        an execution whose deadline has passed does not succeed or fail any more
    expiry          chunks of what lives never expire; of what a message ended they do, unless one of its
                    own was lost
    one             one call to start makes one execution
    tick            each tick of a schedule starts one execution, but for those that were due before the latest; the
                    timetable says so only after the start was written and sent; in peace, none is late
    fair            a message becomes a dead letter for its own step's failures, not for those of steps before
    calls           one delivery makes one outside call for an attempt; without faults there is one call for an attempt
    replay          all messages ever sent, again and in any order, change nothing
    orphan          no child lives on when the execution that waited for it has ended, and none is born later
    signal          what a step took was sent, and each signal is taken once
    answer          what a schema does not take ends no task
    batch           of a batch that raises only that stays which broke, lost a race or was refused
"""
