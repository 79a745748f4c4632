//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// What the drivers of a simulated cluster do.
package enum SimulationWorkload: String, Sendable, Hashable, CaseIterable {
    /// Many small tasks at once.
    case fanOut
    /// Tasks whose arguments are large results of others.
    case chains
    /// Tasks that submit tasks and wait for them, on few CPUs.
    case fibonacci
    /// References inside values, fetched by those who get the values.
    case nested
    /// References inside values that travel on: through results, stores and actors, and are let go on the way.
    case travellingReferences
    /// Several callers count with one actor.
    case counter
    /// A task waits for a reference whose task its owner submits later.
    case lateReference
    /// One long task among very many short ones.
    case longAmongShort
    /// Large values that are read on after their reference was let go.
    case heldValues
    /// Large results of large results, of which only the last are held, and got after a while.
    case shuffle
    /// Tasks that never end by themselves are cancelled, and others before, while and after they run.
    case cancels
    /// Items of generators, small and large, read at once or after a while.
    case generators
    /// More large values than the stores hold, which go to disk and come back.
    case spills
    /// Placement groups: tasks and actors in their bundles, groups that are removed while these run, and others that
    /// never fit.
    case groups
    /// Values are handed to actors, and read when their owners have let them go.
    case handOvers
    /// Some of everything.
    case mixed
}

/// A fault built into one of the cores, to show that the checks find it.
package enum SimulationPlantedFault: String, Sendable, Hashable, CaseIterable {
    /// The scheduler grants resources that another lease holds.
    case grantTwice
    /// A link does not repeat a message that was lost.
    case lostReply
    /// A store gives room away that is still read.
    case dropPinEarly
    /// A process lets others drop their counts before the owners of what it holds count it.
    case answerEarly
    /// A raylet does not tell an object's owner of a copy.
    case silentCopy
    /// An owner forgets how an argument was made as soon as its value may go.
    case shortLineage
    /// An actor lets calls that make lost results again wait behind calls that wait for these.
    case politeRebuild
    /// A worker does not hear that a task is cancelled.
    case deafCancel
    /// A generator that runs again for lost items sends none that were sent before.
    case skippedRebuild
    /// A store keeps on disk what was let go while it was written.
    case keepLetGo
    /// A store takes for written what a full disk refused.
    case dropUnwritten
    /// The head does not give back what a removed placement group reserved.
    case keepBundles
    /// The head, started again, does not know where bundles were.
    case forgetBundles
    /// The head does not end waits for placement groups when their time is up.
    case endlessWait
    /// A link hands on twice what comes twice.
    case heardTwice
    /// A link waits for ever for a peer that says nothing.
    case trustSilence
    /// A raylet takes the end of a process for the end of what that has said.
    case hastyEnd
    /// An owner gives a worker that it cannot reach back as if it were idle.
    case politeAbandon
}

/// What happens to one message of a run.
package struct SimulationMessageFault: Sendable, Hashable {
    /// What can happen to a message.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// It is lost with the connection, between nodes.
        case lost
        /// It arrives, and the next message back is lost with the connection, between nodes.
        case replyLost
        /// Its frame arrives twice, between nodes.
        case repeated
        /// It is said twice: the receiving core gets it two times, wherever it comes from.
        case saidTwice
        /// It arrives, and the receiving core does not get it, as if that process took requests and never answered.
        case unanswered
    }

    package var kind: Kind
    /// The number of the message's kind.
    package var message: UInt16
    /// Which one of these messages, from 1.
    package var number: Int

    package init(_ kind: Kind, message: UInt16, number: Int) {
        self.kind = kind
        self.message = message
        self.number = number
    }
}

/// How a run is made, beside its seed.
package struct SimulationOptions: Sendable, Hashable {
    /// The workload; nothing lets the seed choose.
    package var workload: SimulationWorkload?
    /// Number of nodes; nothing lets the seed choose 1...4.
    package var nodeCount: Int?
    /// CPUs of each node; nothing lets the seed choose.
    package var cpuCount: Int?
    /// Number of drivers; nothing lets the seed choose.
    package var driverCount: Int?
    /// Whether drivers run outside the cluster, without a store; nothing lets the seed choose.
    package var areDriversOutside: Bool?
    /// Largest number of processes and nodes that are killed.
    package var killsMax = 3
    /// Whether connections between nodes break and lose frames.
    package var networkFails = true
    /// Whether some connections stay broken until both sides take each other for lost.
    package var partitionsLast = true
    /// Whether hosts stop hearing others for a while without being told; nothing lets the seed choose.
    package var linksFallSilent: Bool?
    /// One message that does not go its way.
    package var messageFault: SimulationMessageFault?
    /// Whether the head dies and is started again from its journal.
    package var headDies = false
    /// Whether processes of one node read some of what they say to each other late, as where they share few processors, and
    /// workers are killed that have just stored something.
    package var readsLate = false
    /// Whether drivers and workers read what has come together at once, and hear all of it before they do what follows from
    /// the first, as real ones do.
    package var readsTogether = false
    package var plantedFault: SimulationPlantedFault?
    /// Size of the workload: the argument of Fibonacci, or nothing for what the seed chooses.
    package var size: Int?
    /// How many trace lines are kept.
    package var traceLinesMax = 60
    /// A get that lasts longer than this after the last fault hangs, in virtual milliseconds.
    package var hangMilliseconds = 120_000
    /// Most events of one run.
    package var eventsMax = 3_000_000

    package init() {}

    /// A run in which nothing fails.
    package static func quiet(_ workload: SimulationWorkload) -> SimulationOptions {
        var options = SimulationOptions()
        options.workload = workload
        options.killsMax = 0
        options.networkFails = false
        return options
    }
}
