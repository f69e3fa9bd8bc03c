"""How long computing takes, ours beside other libraries; and load on a server over loopback: how many requests it
answers, how long they wait, and whether the answers are right.

| module | what it does |
|---|---|
| `measure` | contenders take turns at the same work |
| `libraries` | who competes: providers, and pure-Python peers |
| `primitives`, `protocol`, `vectors` | the work |
| `floor` | the hashing that the standards demand, recorded and made again alone |
| `memory` | what streams and large requests take |
| `speed`, `speed_terminal` | the parts and their JSON file; tables on the terminal |
| `machine` | what a result was measured on |

Load:

| module | what it does |
|---|---|
| `model` | kinds of traffic, limits, results and their percentiles |
| `connection` | one HTTP/1.1 connection on h11 and asyncio, lean so that the client is not what is measured |
| `caller` | one client: makes sessions, sends each kind of traffic, checks every answer |
| `worker` | several callers in a process of their own, reporting to `load` |
| `load` | starts the workers, gathers what they report |
| `local_redis` | a redis-server for the time of a run |
| `terminal` | tables on the terminal, live while the load runs |
| `report` | the JSON file |
"""
