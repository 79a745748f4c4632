//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

extension ObjectStoreCore {
    /// Faults that the simulator plants to show that its checker finds them.
    package enum PlantedFault: Hashable, Sendable {
        /// An object that is still read is reused as soon as it is freed.
        case dropPinEarly
        /// What was let go while it was written to disk stays there.
        case keepLetGo
    }

    /// Sizes and limits of a store.
    package struct Configuration: Sendable {
        /// Bytes for objects.
        package var capacity: Int
        /// Most objects at a time: the entries of the table.
        package var objectsMax: Int
        /// Most creations that wait for room at a time; more are refused.
        package var waitingMax: Int
        /// When objects are written to disk; nothing means never.
        package var spilling: SpillPolicy?
        /// When objects get room in the fallback file; nothing means never.
        package var fallback: FallbackPolicy?
        /// For tests of the tests.
        package var plantedFault: PlantedFault?

        package init(
            capacity: Int, objectsMax: Int = 65_536, waitingMax: Int = 10_000, spilling: SpillPolicy? = nil,
            fallback: FallbackPolicy? = nil, plantedFault: PlantedFault? = nil
        ) {
            self.spilling = spilling
            self.fallback = fallback
            self.capacity = capacity
            self.objectsMax = objectsMax
            self.waitingMax = waitingMax
            self.plantedFault = plantedFault
        }
    }

    /// A client's wish for room for one object.
    package struct Creation: Hashable, Sendable {
        /// Names this request in the answer; chosen by the driver, unique while the request is open.
        package var token: UInt64
        /// Which object.
        package var id: ObjectID
        /// The process that owns it.
        package var owner: WorkerID
        /// Who writes the object.
        package var client: StoreClient
        /// Data size, and the most that metadata and contained references may need when the object is sealed.
        package var layout: ObjectLayout
        /// Whether this is the copy that its owner relies on.
        package var isPrimary: Bool
        /// When a creation that waits for room fails.
        package var deadline: Instant

        package init(
            token: UInt64, id: ObjectID, owner: WorkerID, client: StoreClient, layout: ObjectLayout,
            isPrimary: Bool, deadline: Instant
        ) {
            self.token = token
            self.id = id
            self.owner = owner
            self.client = client
            self.layout = layout
            self.isPrimary = isPrimary
            self.deadline = deadline
        }
    }

    /// What happens to a store.
    package enum Input: Sendable {
        /// Room for an object is wanted.
        case create(Creation)
        /// A client finished writing.
        case seal(ObjectID, StoreClient, metadataSize: Int, containedSize: Int)
        /// A client gave up writing and will not touch the room again.
        case abort(ObjectID, StoreClient)
        /// The bytes of a sealed object are to be a second one, too, of this owner; answered by `shared` or `failed`.
        case share(ObjectID, as: ObjectID, owner: WorkerID, token: UInt64)
        /// Owners let these objects go.
        case free([ObjectID])
        /// Sealed copies became, or ceased to be, the ones that their owners rely on.
        case setPrimary([ObjectID], Bool)
        /// Objects were asked for; they are evicted later than others.
        case touched([ObjectID])
        /// A process that owns objects died.
        case ownerDied(WorkerID)
        /// A job ended: its objects go.
        case jobEnded(JobID)
        /// A client's process died; the driver has cleared its pins.
        case clientDied(StoreClient)
        /// Answer to the effect `retract`: no reader can find these entries any more; `pinned` ones are still read.
        case retracted([EntryHandle], pinned: [EntryHandle])
        /// Answer to the effect `scanPins`: everything that is pinned now.
        case pins([EntryHandle])
        /// The raylet gives back what `hold` gave it.
        case unhold(EntryHandle)
        /// Answer to the effect `writeFile`: where the objects are, in the order in which they were named.
        case fileWritten(UInt64, Result<[SpilledObject], SpillFailure>)
        /// A spilled object is wanted back; `deadline` is for the room.
        case restore(ObjectID, deadline: Instant)
        /// Answer to the effect `readFile`: the object's bytes are in its room, or why not.
        case fileRead(EntryHandle, RayError?)
        /// Answer to the effect `reserve`: the blocks are there, or why not.
        case reserved(EntryHandle, SpillFailure?)
        /// Time passed.
        case tick
    }

    /// What the driver is to do, in this order.
    package enum Effect: Hashable, Sendable {
        /// Tell the client that it may write the object at `offset`.
        case created(token: UInt64, client: StoreClient, id: ObjectID, offset: Int)
        /// Tell the client that the object is there already, or (not sealed) that another writes it.
        case exists(token: UInt64, client: StoreClient, id: ObjectID, isSealed: Bool)
        /// Tell the client that its creation failed.
        case failed(token: UInt64, client: StoreClient, RayError)
        /// Tell who asked for it that the second object is there.
        case shared(token: UInt64, ObjectEntry)
        /// Tell the client that its seal is refused.
        case rejected(StoreClient, ObjectID, RayError)
        /// Write the entry into the table.
        case publish(EntryHandle, ObjectEntry)
        /// Take the entries out of the table, look whether they are pinned, answer with `retracted`.
        case retract([EntryHandle])
        /// Look what is pinned, answer with `pins`.
        case scanPins
        /// Wake those who wait for the object.
        case sealed(ObjectID, StoreClient)
        /// The object is gone; its locations change.
        case removed(ObjectID, RemovalReason)
        /// Creations wait, no copy can be evicted, and nothing can be spilled.
        case roomWanted(bytes: Int)
        /// Write these objects, which stay in place meanwhile, into a file of this number; answer with `fileWritten`.
        case writeFile(UInt64, [ObjectEntry])
        /// Read an object into the room at `offset`; answer with `fileRead`.
        case readFile(EntryHandle, SpilledObject, offset: Int)
        /// Nothing in the file is of use any more.
        case deleteFile(UInt64)
        /// Have the disk set blocks aside for a range of the fallback file; answer with `reserved`. To be done in one
        /// order with `discard`.
        case reserve(EntryHandle, Range<Int>)
        /// Give the blocks of a range of the fallback file back to the disk.
        case discard(Range<Int>)
        /// The object is on disk only.
        case unloaded(ObjectID)
        /// A spilled object cannot be brought back; `isLost` if it never will.
        case restoreFailed(ObjectID, RayError, isLost: Bool)
    }

    /// Effects in the order in which they are to be performed.
    package typealias Effects = [Effect]
}
