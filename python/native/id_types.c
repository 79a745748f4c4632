// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// The classes of ids except `ObjectRef`, and how ids are derived from one another:
//
//     JobID 4 | ActorID = 12 of its own + JobID | TaskID = 8 of its own + ActorID (12 x 0xff + JobID without an actor)
//     ObjectRef = TaskID + index of 4 bytes | PlacementGroupID = 14 of its own + JobID | others 28 of their own

#include "native.h"

#include <time.h>

enum { ACTOR_OWN = ACTOR_SIZE - JOB_SIZE, TASK_OWN = TASK_SIZE - ACTOR_SIZE, GROUP_OWN = GROUP_SIZE - JOB_SIZE };

// Like Ray, an argument of another class is an AssertionError.
static const unsigned char *argument(PyObject *object, swift_ray_id_kind kind) {
    const unsigned char *bytes = id_bytes_of(object, kind);
    if (bytes == NULL && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_SetNone(PyExc_AssertionError);
    }
    return bytes;
}

// The first bytes of SHA-256 over job, task and numbers of 8 bytes.
static int derive(unsigned char *out, size_t size, const unsigned char *job, const unsigned char *task,
                  const uint64_t *numbers, size_t count) {
    unsigned char input[JOB_SIZE + TASK_SIZE + 2 * sizeof(uint64_t)];
    memcpy(input, job, JOB_SIZE);
    memcpy(input + JOB_SIZE, task, TASK_SIZE);
    memcpy(input + JOB_SIZE + TASK_SIZE, numbers, count * sizeof *numbers);
    Py_ssize_t input_size = (Py_ssize_t)(JOB_SIZE + TASK_SIZE + count * sizeof *numbers);
    PyObject *library = PyImport_ImportModule("hashlib");
    PyObject *hash = library == NULL ? NULL : PyObject_CallMethod(library, "sha256", "y#", input, input_size);
    PyObject *digest = hash == NULL ? NULL : PyObject_CallMethod(hash, "digest", NULL);
    if (digest != NULL) {
        memcpy(out, PyBytes_AsString(digest), size);
    }
    Py_XDECREF(library);
    Py_XDECREF(hash);
    Py_XDECREF(digest);
    return digest == NULL ? -1 : 0;
}

static PyObject *job_from_int(PyObject *type, PyObject *value) {
    PyObject *limit = PyLong_FromUnsignedLongLong(1ull << 32);
    int is_below = limit == NULL ? -1 : PyObject_RichCompareBool(value, limit, Py_LT);
    Py_XDECREF(limit);
    if (is_below <= 0) {
        if (is_below == 0) {
            PyErr_SetString(PyExc_AssertionError, "Maximum JobID integer is 2**32 - 1.");
        }
        return NULL;
    }
    PyObject *whole = PyNumber_Long(value);
    unsigned long number = whole == NULL ? (unsigned long)-1 : PyLong_AsUnsignedLong(whole);
    Py_XDECREF(whole);
    if (number == (unsigned long)-1 && PyErr_Occurred()) {
        return NULL;
    }
    unsigned char bytes[JOB_SIZE] = {number, number >> 8, number >> 16, number >> 24};
    return id_make((PyTypeObject *)type, bytes, JOB_SIZE);
}

static PyObject *job_int(PyObject *self, PyObject *unused) {
    const unsigned char *bytes = ((id_object *)self)->bytes;
    return PyLong_FromUnsignedLong(bytes[0] | (unsigned long)bytes[1] << 8 | (unsigned long)bytes[2] << 16 |
                                   (unsigned long)bytes[3] << 24);
}

// The job at the end of an id; a nil id has none.
static PyObject *job_at_end(PyObject *object, void *name) {
    id_object *self = (id_object *)object;
    if (id_is_nil(self)) {
        return PyErr_Format(PyExc_ValueError, "%s is nil", (const char *)name);
    }
    return id_make(id_types[SWIFT_RAY_JOB_ID], self->bytes + self->size - JOB_SIZE, JOB_SIZE);
}

// An actor that is not created by a task of its own (Ray mixes the time into it, too).
static PyObject *actor_of(PyObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"job_id", "parent_task_id", "parent_task_counter", NULL};
    PyObject *job_id, *parent;
    unsigned long long counter;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOK:of", names, &job_id, &parent, &counter)) {
        return NULL;
    }
    const unsigned char *job = argument(job_id, SWIFT_RAY_JOB_ID);
    const unsigned char *task = job == NULL ? NULL : argument(parent, SWIFT_RAY_TASK_ID);
    if (task == NULL) {
        return NULL;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t numbers[] = {counter, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec};
    unsigned char bytes[ACTOR_SIZE];
    if (derive(bytes, ACTOR_OWN, job, task, numbers, 2) < 0) {
        return NULL;
    }
    memcpy(bytes + ACTOR_OWN, job, JOB_SIZE);
    return id_make((PyTypeObject *)type, bytes, ACTOR_SIZE);
}

// A task id: its own bytes, then `actor` or the nil actor of `job`.
static PyObject *task_make(PyObject *type, const unsigned char *own, const unsigned char *actor,
                           const unsigned char *job) {
    unsigned char bytes[TASK_SIZE];
    memset(bytes, 0xff, sizeof bytes);
    if (own != NULL) {
        memcpy(bytes, own, TASK_OWN);
    }
    if (actor != NULL) {
        memcpy(bytes + TASK_OWN, actor, ACTOR_SIZE);
    } else {
        memcpy(bytes + TASK_SIZE - JOB_SIZE, job, JOB_SIZE);
    }
    return id_make((PyTypeObject *)type, bytes, TASK_SIZE);
}

static PyObject *task_for_driver(PyObject *type, PyObject *job_id) {
    const unsigned char *job = argument(job_id, SWIFT_RAY_JOB_ID);
    return job == NULL ? NULL : task_make(type, NULL, NULL, job);
}

static PyObject *task_for_fake(PyObject *type, PyObject *job_id) {
    const unsigned char *job = argument(job_id, SWIFT_RAY_JOB_ID);
    return job == NULL ? NULL : id_from_random((PyTypeObject *)type, TASK_SIZE - JOB_SIZE, job);
}

static PyObject *task_for_actor_creation(PyObject *type, PyObject *actor_id) {
    const unsigned char *actor = argument(actor_id, SWIFT_RAY_ACTOR_ID);
    return actor == NULL ? NULL : task_make(type, NULL, actor, NULL);
}

static PyObject *task_for_call(PyObject *type, PyObject *job_id, PyObject *parent, uint64_t counter,
                               const unsigned char *actor) {
    const unsigned char *job = argument(job_id, SWIFT_RAY_JOB_ID);
    const unsigned char *task = job == NULL ? NULL : argument(parent, SWIFT_RAY_TASK_ID);
    unsigned char own[TASK_OWN];
    if (task == NULL || derive(own, TASK_OWN, job, task, &counter, 1) < 0) {
        return NULL;
    }
    return task_make(type, own, actor, job);
}

static PyObject *task_for_normal(PyObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"job_id", "parent_task_id", "parent_task_counter", NULL};
    PyObject *job, *parent;
    unsigned long long counter;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOK:for_normal_task", names, &job, &parent, &counter)) {
        return NULL;
    }
    return task_for_call(type, job, parent, counter, NULL);
}

static PyObject *task_for_actor(PyObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"job_id", "parent_task_id", "parent_task_counter", "actor_id", NULL};
    PyObject *job, *parent, *actor_id;
    unsigned long long counter;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOKO:for_actor_task", names, &job, &parent, &counter,
                                     &actor_id)) {
        return NULL;
    }
    const unsigned char *actor = argument(actor_id, SWIFT_RAY_ACTOR_ID);
    return actor == NULL ? NULL : task_for_call(type, job, parent, counter, actor);
}

static PyObject *task_actor(PyObject *self, PyObject *unused) {
    return id_make(id_types[SWIFT_RAY_ACTOR_ID], ((id_object *)self)->bytes + TASK_OWN, ACTOR_SIZE);
}

static PyObject *task_job(PyObject *self, PyObject *unused) { return job_at_end(self, "TaskID"); }

static PyObject *group_of(PyObject *type, PyObject *job_id) {
    const unsigned char *job = argument(job_id, SWIFT_RAY_JOB_ID);
    return job == NULL ? NULL : id_from_random((PyTypeObject *)type, GROUP_OWN, job);
}

#define NIL {"nil", id_nil, METH_NOARGS | METH_CLASS, "The id with all bits set."}
#define RANDOM {"from_random", id_random, METH_NOARGS | METH_CLASS, "An id of random bytes."}
#define FROM_HEX {"from_hex", id_from_hex, METH_O | METH_CLASS, "An id from its hexadecimal digits."}
#define CALL(function) (PyCFunction)(void (*)(void)) function, METH_VARARGS | METH_KEYWORDS | METH_CLASS

static PyMethodDef job_methods[] = {
    {"from_int", job_from_int, METH_O | METH_CLASS, "The id of the job with this number, below 2**32."},
    {"int", job_int, METH_NOARGS, "The number of the job."},
    NIL, FROM_HEX, {NULL},
};
static PyMethodDef actor_methods[] = {
    {"of", CALL(actor_of), "The id of an actor that a task creates."},
    {"_set_id", id_set, METH_O, "Replaces the bytes."},
    NIL, RANDOM, FROM_HEX, {NULL},
};
static PyGetSetDef actor_properties[] = {
    {"job_id", job_at_end, NULL, "The job of the actor; ValueError for the nil id.", "ActorID"},
    {NULL},
};
static PyMethodDef task_methods[] = {
    {"for_driver_task", task_for_driver, METH_O | METH_CLASS, "The task that a driver is."},
    {"for_fake_task", task_for_fake, METH_O | METH_CLASS, "A random task of the job."},
    {"for_actor_creation_task", task_for_actor_creation, METH_O | METH_CLASS, "The task that creates the actor."},
    {"for_actor_task", CALL(task_for_actor), "A call of an actor, by the task that makes it."},
    {"for_normal_task", CALL(task_for_normal), "A task, by the task that submits it."},
    {"actor_id", task_actor, METH_NOARGS, "The actor of the task."},
    {"job_id", task_job, METH_NOARGS, "The job of the task; ValueError for the nil id."},
    NIL, FROM_HEX, {NULL},
};
static PyMethodDef group_methods[] = {
    {"of", group_of, METH_O | METH_CLASS, "A new id in the job."},
    NIL, RANDOM, FROM_HEX, {NULL},
};
static PyMethodDef unique_methods[] = {NIL, RANDOM, {NULL}};
static PyMethodDef hex_methods[] = {FROM_HEX, {NULL}};

static PyType_Slot job_slots[] = {{Py_tp_methods, job_methods}, {0, NULL}};
static PyType_Slot actor_slots[] = {{Py_tp_methods, actor_methods}, {Py_tp_getset, actor_properties}, {0, NULL}};
static PyType_Slot task_slots[] = {{Py_tp_methods, task_methods}, {0, NULL}};
static PyType_Slot group_slots[] = {{Py_tp_methods, group_methods}, {0, NULL}};
static PyType_Slot unique_slots[] = {{Py_tp_methods, unique_methods}, {0, NULL}};
static PyType_Slot hex_slots[] = {{Py_tp_methods, hex_methods}, {0, NULL}};

static const struct { swift_ray_id_kind kind; const char *name; PyType_Slot *slots; } classes[] = {
    {SWIFT_RAY_JOB_ID, "ray._raylet.JobID", job_slots},
    {SWIFT_RAY_ACTOR_ID, "ray._raylet.ActorID", actor_slots},
    {SWIFT_RAY_TASK_ID, "ray._raylet.TaskID", task_slots},
    {SWIFT_RAY_PLACEMENT_GROUP_ID, "ray._raylet.PlacementGroupID", group_slots},
    {SWIFT_RAY_UNIQUE_ID, "ray._raylet.UniqueID", unique_slots},
    {SWIFT_RAY_NODE_ID, "ray._raylet.NodeID", hex_slots},
    {SWIFT_RAY_WORKER_ID, "ray._raylet.WorkerID", hex_slots},
    {SWIFT_RAY_CLUSTER_ID, "ray._raylet.ClusterID", hex_slots},
    {SWIFT_RAY_FUNCTION_ID, "ray._raylet.FunctionID", hex_slots},
    {SWIFT_RAY_ACTOR_CLASS_ID, "ray._raylet.ActorClassID", hex_slots},
};

int add_ids(PyObject *module) {
    base_id_type = add_type(module, &base_id_spec, NULL);
    if (base_id_type == NULL) {
        return -1;
    }
    for (size_t index = 0; index < sizeof classes / sizeof *classes; index++) {
        PyType_Spec spec = {classes[index].name, sizeof(id_object), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                            classes[index].slots};
        PyTypeObject *base = classes[index].slots == hex_slots ? id_types[SWIFT_RAY_UNIQUE_ID] : base_id_type;
        id_types[classes[index].kind] = add_type(module, &spec, base);
        if (id_types[classes[index].kind] == NULL) {
            return -1;
        }
    }
    return 0;
}
