// Package faults shows that nothing is lost and nothing counted twice, in one
// process, in seconds, and from a seed. (Processes that are really killed are
// engine/internal/torture's; clusters are engine/internal/cluster's.)
//
// What it does, and what it holds the outcome against: an audit (oracle_test.go)
// scores the events of the stream one after the other in a core that never
// stops, and demands of the engines' journal the same decisions under the same
// ids, byte for byte and each once, in order per lead; the same rejected events;
// the same leads; the same counts; a whole chain of records; and every event
// that a producer was told is durable.
//
//   - TestSchedules plays seeded schedules of failures through whole engines
//     (server connection, journal, partitions, intake, clock) on the broker of
//     engine/internal/faults/broker, in a bubble of testing/synctest.
//     RIPEN_FAULTS_RUNS and RIPEN_FAULTS_SEED say how many and which.
//     TestSchedules_ColdLeads does so with three leads in memory, local stores
//     that outlive their engines, snapshots and purges; TestSchedules_CutBatches
//     with batches of more decisions than one record may have
//     (RIPEN_FAULTS_CUTS).
//   - TestLinear_* hold claims, commits and reads of many clients against a log
//     with a fence, on the real server and under failures (porcupine).
//     RIPEN_FAULTS_LINEAR says how many histories.
//   - TestTimers_120Days* let 120 days pass, with restarts at random instants.
//     RIPEN_FAULTS_SEASONS says how many.
//   - TestFault_* is one failure each, TestBadInput_* what is wrong from the start.
//
// A test that fails prints its seed and the history. A seed gives the same
// failures at the same operations; which goroutine comes first is not in it.
//
// The rows of the design's failure table, and where each is shown:
//
//	crash before commit                  TestFault_CrashBeforeCommit
//	crash between publish and ack        TestFault_CrashBetweenPublishAndAck
//	crash between records of one batch   TestFault_CrashBetweenRecordsOfOneBatch, TestSchedules_CutBatches
//	ack lost, time-out                   TestFault_LostAck, TestFault_SlowServer
//	producer retry, days later           TestFault_RetryThreeDaysLater
//	duplicate delivery of a publish      TestFault_PublishArrivesTwice
//	zombie                               TestFault_Zombie, TestLinear_RealServer
//	disconnect inside a batch            TestFault_DisconnectInsideABatch
//	leader change                        TestBadInput_ServerWithoutLeader (and journal's TestLeaderChanges)
//	server killed mid-commit             TestFault_ServerRestartedMidCommit
//	disk full                            TestFault_DiskFull (Linux), journal's TestDiskFloor
//	stream full                          TestFault_StreamFull
//	power loss without synced writes     TestFault_PowerLossWithoutSync
//	power loss with synced writes        torture
//	corrupt or missing journal record    TestFault_CorruptRecord
//	poison event                         TestBadInput_PoisonedStream
//	clock that jumps                     TestFault_ClockJumps
//	server that is slow or lies          TestFault_SlowServer
//	two engines on one folder            TestBadInput_TwoEnginesOnOneFolder
//	folder of another version            TestBadInput_FolderOfAnotherVersion
//	partition count differs              TestBadInput_PartitionCountDiffers
//
// Package faults holds tests alone; nothing imports it.
package faults
