// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// Objects: stored, fetched, awaited.

#include "core.h"

#include <stdlib.h>
#include <string.h>

#define OBJECT_ID_SIZE 28
// Values up to here stay in the process that made them (`Limits.inlineObjectBytesMax`).
#define INLINE_BYTES_MAX (100 << 10)
// How many references a wait looks at under one lock of the runtime, and at most before it gives the interpreter away.
#define SEARCHED_AT_ONCE 64
#define SEARCHED_MAX 1024

// Asks for room and waits for it, with a look for signals in between; NULL with an exception.
static void *room_for(const void *task, const struct ray_python_argument *argument, void **bytes) {
    void *room = NULL;
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = ray_python_create(task, argument, &room);
    if (status == 0) status = ray_python_await_room(room, SLICE_MILLISECONDS, bytes);
    Py_END_ALLOW_THREADS
    while (status == 0 && PyErr_CheckSignals() == 0) {
        Py_BEGIN_ALLOW_THREADS
        status = ray_python_await_room(room, SLICE_MILLISECONDS, bytes);
        Py_END_ALLOW_THREADS
    }
    if (status > 0) return room;
    if (status < 0) raise_failure();
    ray_python_abort(room);
    return NULL;
}

static int put_large(const void *task, PyObject *serialized, unsigned char *id) {
    struct outgoing value;
    void *room = NULL, *bytes = NULL;
    int status = outgoing_begin(&value, serialized);
    if (status == 0 && (room = room_for(task, &value.argument, &bytes)) == NULL) status = -1;
    if (status == 0 && native->serialized_write(serialized, bytes) < 0) {
        ray_python_abort(room);
        status = -1;
    } else if (status == 0) {
        Py_BEGIN_ALLOW_THREADS
        status = ray_python_seal(room, id);
        Py_END_ALLOW_THREADS
        if (status < 0) raise_failure();
    }
    outgoing_clear(&value);
    return status;
}

static PyObject *put(PyObject *module, PyObject *arguments) {
    PyObject *serialized, *task_object;
    const char *owner;
    Py_ssize_t owner_size;
    const void *task;
    if (!PyArg_ParseTuple(arguments, "OOy#:put", &serialized, &task_object, &owner, &owner_size)) return NULL;
    if (id_argument(task_object, 24, &task) < 0) return NULL;
    unsigned char id[OBJECT_ID_SIZE];
    Py_ssize_t size = native->serialized_size(serialized);
    if (size < 0) return NULL;
    if (size > INLINE_BYTES_MAX) {
        if (put_large(task, serialized, id) < 0) return NULL;
        return native->object_ref_new(id, owner, owner_size, 1);
    }
    struct outgoing value;
    int status = outgoing_fill(&value, serialized);
    if (status == 0 && ray_python_put(task, &value.argument, id) < 0) {
        raise_failure();
        status = -1;
    }
    outgoing_clear(&value);
    return status < 0 ? NULL : native->object_ref_new(id, owner, owner_size, 1);
}

// Writes the ids of `count` ObjectRefs of a list, from `first` on, one after the other; -1 with an exception.
static int copy_ids(PyObject *list, Py_ssize_t first, Py_ssize_t count, unsigned char *ids) {
    for (Py_ssize_t index = 0; index < count; index++) {
        const unsigned char *id = native->id_bytes(PyList_GetItem(list, first + index), SWIFT_RAY_OBJECT_REF);
        if (id == NULL) return -1;
        memcpy(ids + index * OBJECT_ID_SIZE, id, OBJECT_ID_SIZE);
    }
    return 0;
}

// The ids of a list of ObjectRefs, one after the other; to be freed.
static unsigned char *ids_of(PyObject *list, Py_ssize_t count) {
    unsigned char *ids = malloc(count == 0 ? 1 : (size_t)count * OBJECT_ID_SIZE);
    if (ids == NULL) {
        PyErr_NoMemory();
    } else if (copy_ids(list, 0, count, ids) < 0) {
        free(ids);
        return NULL;
    }
    return ids;
}

// Waits for a request and looks for signals in between; -1 with an exception.
static int await(void *request) {
    int is_done = 0;
    while (!is_done) {
        Py_BEGIN_ALLOW_THREADS
        is_done = ray_python_await(request, SLICE_MILLISECONDS);
        Py_END_ALLOW_THREADS
        if (is_done < 0) raise_failure();
        if (is_done < 0 || (!is_done && PyErr_CheckSignals() < 0)) return -1;
    }
    return 0;
}

// A list of these objects, each of `type`; takes over their owners.
static PyObject *listed(const struct ray_python_object *objects, Py_ssize_t count, PyObject *type) {
    PyObject *list = PyList_New(count);
    for (Py_ssize_t index = 0; index < count; index++) {
        // Every owner is taken over, also when something failed before.
        PyObject *object = incoming_as(type, &objects[index]);
        if (list == NULL || object == NULL) {
            Py_XDECREF(object);
            Py_CLEAR(list);
        } else if (PyList_SetItem(list, index, object) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

// The values of objects, whose owners are given back, if all are plain; NULL without an exception if one is not.
static PyObject *plain_values(const struct ray_python_object *objects, Py_ssize_t count) {
    for (Py_ssize_t index = 0; index < count; index++) {
        // None is read in vain for the sake of another one.
        if (objects[index].is_error || !native->is_plain(objects[index].metadata.data, objects[index].metadata.count)) {
            return NULL;
        }
    }
    PyObject *list = PyList_New(count);
    for (Py_ssize_t index = 0; list != NULL && index < count; index++) {
        const struct ray_python_object *object = &objects[index];
        PyObject *value = native->plain_value(
            object->data.data, object->data.count, object->metadata.data, object->metadata.count);
        if (value == NULL || value == Py_NotImplemented) {
            Py_XDECREF(value);
            Py_CLEAR(list);
        } else if (PyList_SetItem(list, index, value) < 0) {
            Py_CLEAR(list);
        }
    }
    if (list == NULL) {
        PyErr_Clear();
        return NULL;
    }
    for (Py_ssize_t index = 0; index < count; index++) release_owner(objects[index].owner);
    return list;
}

// (values, None) if all are plain and values are wanted, else (None, objects of `type`), and whether one is an error.
static PyObject *values_or_objects(
    const struct ray_python_object *objects, Py_ssize_t count, PyObject *type, int wants_values) {
    int has_errors = 0;
    for (Py_ssize_t index = 0; index < count; index++) has_errors |= objects[index].is_error;
    PyObject *values = wants_values ? plain_values(objects, count) : NULL;
    if (values != NULL) return Py_BuildValue("(NOO)", values, Py_None, Py_False);
    PyObject *list = listed(objects, count, type);
    return list == NULL ? NULL : Py_BuildValue("(ONO)", Py_None, list, has_errors ? Py_True : Py_False);
}

// Whether this is a class whose objects are tuples; an exception otherwise.
static int is_tuple_type(PyObject *type) {
    int is_one = PyType_Check(type) && PyType_IsSubtype((PyTypeObject *)type, &PyTuple_Type);
    if (!is_one) PyErr_SetString(PyExc_TypeError, "objects are tuples");
    return is_one;
}

static PyObject *get_now(PyObject *module, PyObject *const *arguments, Py_ssize_t argument_count) {
    if (argument_count != 3) {
        PyErr_SetString(PyExc_TypeError, "get_now wants references, a type and whether values are wanted");
        return NULL;
    }
    PyObject *list = arguments[0], *type = arguments[1];
    int wants_values = PyObject_IsTrue(arguments[2]);
    if (wants_values < 0 || !is_tuple_type(type)) return NULL;
    if (!PyList_Check(list)) Py_RETURN_NONE;
    Py_ssize_t count = PyList_Size(list);
    unsigned char *ids = ids_of(list, count);
    if (ids == NULL) return NULL;
    struct ray_python_object *objects = malloc((count == 0 ? 1 : (size_t)count) * sizeof *objects);
    int is_there = 0;
    if (objects != NULL && count <= SMALL_VALUES_COUNT) {
        is_there = ray_python_get_now(ids, (size_t)count, objects);
    } else if (objects != NULL) {
        Py_BEGIN_ALLOW_THREADS
        is_there = ray_python_get_now(ids, (size_t)count, objects);
        Py_END_ALLOW_THREADS
    }
    PyObject *result;
    if (objects == NULL) {
        result = PyErr_NoMemory();
    } else {
        result = is_there ? values_or_objects(objects, count, type, wants_values) : Py_NewRef(Py_None);
    }
    free(objects);
    free(ids);
    return result;
}

// The objects of a request that is done.
static PyObject *taken(void *request, Py_ssize_t count, PyObject *type, int wants_values) {
    struct ray_python_object *objects = calloc(count == 0 ? 1 : (size_t)count, sizeof *objects);
    if (objects == NULL) return PyErr_NoMemory();
    ray_python_take_objects(request, objects, (size_t)count);
    PyObject *result = values_or_objects(objects, count, type, wants_values);
    free(objects);
    return result;
}

static PyObject *get(PyObject *module, PyObject *arguments) {
    PyObject *list, *task_object, *type;
    long long milliseconds;
    int wants_values;
    const void *task;
    if (!PyArg_ParseTuple(
            arguments, "O!LOO!p:get", &PyList_Type, &list, &milliseconds, &task_object, &PyType_Type, &type,
            &wants_values)) {
        return NULL;
    }
    if (id_argument(task_object, 24, &task) < 0) return NULL;
    if (!is_tuple_type(type)) return NULL;
    Py_ssize_t count = PyList_Size(list);
    unsigned char *ids = ids_of(list, count);
    if (ids == NULL) return NULL;
    void *request = NULL;
    int status;
    // Something is to be waited for, or an error: there is no haste.
    Py_BEGIN_ALLOW_THREADS
    status = ray_python_get(ids, (size_t)count, task, milliseconds, &request);
    Py_END_ALLOW_THREADS
    free(ids);
    PyObject *result = NULL;
    if (status < 0) {
        raise_failure();
    } else if (status == 0 || await(request) == 0) {
        result = taken(request, count, type, wants_values);
    }
    if (request != NULL) ray_python_drop(request);
    return result;
}

static PyObject *wait_for(PyObject *module, PyObject *arguments) {
    PyObject *list, *task_object;
    Py_ssize_t wanted;
    long long milliseconds;
    int fetch;
    const void *task;
    if (!PyArg_ParseTuple(
            arguments, "O!nLOp:wait", &PyList_Type, &list, &wanted, &milliseconds, &task_object, &fetch)) {
        return NULL;
    }
    if (id_argument(task_object, 24, &task) < 0) return NULL;
    Py_ssize_t count = PyList_Size(list);
    unsigned char *ids = ids_of(list, count);
    if (ids == NULL) return NULL;
    void *request = NULL;
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = ray_python_wait(ids, (size_t)count, (size_t)wanted, fetch, task, milliseconds, &request);
    Py_END_ALLOW_THREADS
    free(ids);
    PyObject *result = NULL;
    if (status < 0) {
        raise_failure();
    } else if (status == 0 || await(request) == 0) {
        // One byte for each: 1 for those that are ready.
        result = PyBytes_FromStringAndSize(NULL, count);
        char *ready;
        Py_ssize_t ignored;
        if (result != NULL && PyBytes_AsStringAndSize(result, &ready, &ignored) == 0) {
            memset(ready, 0, (size_t)count);
            ray_python_take_ready(request, (unsigned char *)ready, (size_t)count);
        }
    }
    if (request != NULL) ray_python_drop(request);
    return result;
}

// Puts `count` references of a list, from `first` on, into two others: those that are ready, at most `limit`, and the
// rest. How many were ready, or -1 with an exception.
static Py_ssize_t divide_into(
    PyObject *ready, PyObject *others, PyObject *list, Py_ssize_t first, Py_ssize_t count, const unsigned char *flags,
    Py_ssize_t limit) {
    Py_ssize_t found = 0;
    for (Py_ssize_t index = 0; index < count; index++) {
        int is_ready = flags[index] != 0 && found < limit;
        if (PyList_Append(is_ready ? ready : others, PyList_GetItem(list, first + index)) < 0) return -1;
        found += is_ready;
    }
    return found;
}

// (ready, others), which are taken over, or NULL with an exception if there was one.
static PyObject *divided(PyObject *ready, PyObject *others, int has_failed) {
    PyObject *result = has_failed ? NULL : PyTuple_Pack(2, ready, others);
    Py_XDECREF(ready);
    Py_XDECREF(others);
    return result;
}

static PyObject *divide(PyObject *module, PyObject *arguments) {
    PyObject *list;
    const char *flags;
    Py_ssize_t flag_count, limit;
    if (!PyArg_ParseTuple(arguments, "O!y#n:divide", &PyList_Type, &list, &flags, &flag_count, &limit)) return NULL;
    if (flag_count != PyList_Size(list)) {
        PyErr_SetString(PyExc_ValueError, "there is a flag for each reference");
        return NULL;
    }
    PyObject *ready = PyList_New(0), *others = PyList_New(0);
    int has_failed = ready == NULL || others == NULL ||
                     divide_into(ready, others, list, 0, flag_count, (const unsigned char *)flags, limit) < 0;
    return divided(ready, others, has_failed);
}

// Looks for ready references from the front of a list on, at most `SEARCHED_MAX`, until `wanted` are found: 1 if they
// were, and `*searched` were looked at; 0 if only a wait can tell, -1 with an exception.
static int search(
    PyObject *list, Py_ssize_t wanted, int fetch, PyObject *ready, PyObject *others, Py_ssize_t *searched) {
    unsigned char ids[SEARCHED_AT_ONCE * OBJECT_ID_SIZE], flags[SEARCHED_AT_ONCE];
    Py_ssize_t count = PyList_Size(list);
    if (wanted > SEARCHED_MAX) return 0;
    for (*searched = 0; wanted > 0;) {
        Py_ssize_t step = count - *searched < SEARCHED_AT_ONCE ? count - *searched : SEARCHED_AT_ONCE;
        if (step == 0 || *searched >= SEARCHED_MAX) return 0;
        if (copy_ids(list, *searched, step, ids) < 0) return -1;
        if (!ray_python_wait_now(ids, (size_t)step, (size_t)wanted, fetch, step == count, flags)) return 0;
        Py_ssize_t found = divide_into(ready, others, list, *searched, step, flags, wanted);
        if (found < 0) return -1;
        wanted -= found;
        *searched += step;
    }
    return 1;
}

static PyObject *wait_now(PyObject *module, PyObject *const *arguments, Py_ssize_t argument_count) {
    if (argument_count != 3) {
        PyErr_SetString(PyExc_TypeError, "wait_now wants references, a number and whether to fetch");
        return NULL;
    }
    PyObject *list = arguments[0];
    if (!PyList_Check(list)) Py_RETURN_NONE;
    Py_ssize_t wanted = PyLong_AsSsize_t(arguments[1]), searched;
    if (wanted == -1 && PyErr_Occurred()) return NULL;
    int fetch = PyObject_IsTrue(arguments[2]);
    if (fetch < 0) return NULL;
    PyObject *ready = PyList_New(0), *others = PyList_New(0);
    int status = ready == NULL || others == NULL ? -1 : search(list, wanted, fetch, ready, others, &searched);
    if (status > 0) {
        // What lies behind them was not looked at.
        PyObject *rest = PyList_GetSlice(list, searched, PyList_Size(list));
        Py_ssize_t end = PyList_Size(others);
        if (rest == NULL || PyList_SetSlice(others, end, end, rest) < 0) status = -1;
        Py_XDECREF(rest);
    }
    if (status != 0) return divided(ready, others, status < 0);
    Py_XDECREF(ready);
    Py_XDECREF(others);
    Py_RETURN_NONE;
}

static PyObject *notify(PyObject *module, PyObject *arguments) {
    PyObject *reference;
    int fetch;
    unsigned long long number;
    if (!PyArg_ParseTuple(arguments, "OpK:notify", &reference, &fetch, &number)) return NULL;
    const unsigned char *id = native->id_bytes(reference, SWIFT_RAY_OBJECT_REF);
    if (id == NULL) return NULL;
    if (ray_python_notify(id, fetch, number) < 0) return raise_failure();
    Py_RETURN_NONE;
}

static PyObject *next_event(PyObject *module, PyObject *arguments) {
    int milliseconds;
    long long number;
    if (!PyArg_ParseTuple(arguments, "i:next_event", &milliseconds)) return NULL;
    Py_BEGIN_ALLOW_THREADS
    number = ray_python_next_event(milliseconds);
    Py_END_ALLOW_THREADS
    return PyLong_FromLongLong(number);
}

// Unlike the value's own bytes these were written at a multiple of 64, so whoever puts them there can read them.
static PyObject *pack(PyObject *module, PyObject *serialized) {
    struct outgoing value;
    PyObject *result = NULL;
    if (outgoing_fill(&value, serialized) == 0) {
        result = PyBytes_FromStringAndSize(value.data, (Py_ssize_t)value.argument.data.count);
    }
    outgoing_clear(&value);
    return result;
}

static PyObject *add_reference(PyObject *module, PyObject *reference) {
    const unsigned char *id = native->id_bytes(reference, SWIFT_RAY_OBJECT_REF);
    if (id == NULL) return NULL;
    ray_python_add_reference(id, NULL, 0);
    Py_RETURN_NONE;
}

static PyObject *remove_reference(PyObject *module, PyObject *reference) {
    const unsigned char *id = native->id_bytes(reference, SWIFT_RAY_OBJECT_REF);
    if (id == NULL) return NULL;
    ray_python_remove_reference(id);
    Py_RETURN_NONE;
}

PyMethodDef object_methods[] = {
    {"pack", pack, METH_O, "A serialised value as bytes."},
    {"add_reference", add_reference, METH_O, "Counts one more reference of this process."},
    {"remove_reference", remove_reference, METH_O, "Counts one reference less."},
    {"put", put, METH_VARARGS, "put(serialized, task, owner_address): the ObjectRef of a new object."},
    {"get_now", (PyCFunction)(void (*)(void))get_now, METH_FASTCALL,
     "get_now(references, type, wants_values): as `get`, if all are at hand and none is an error; else, or if it is no "
     "list, None."},
    {"get", get, METH_VARARGS,
     "get(references, milliseconds, task, type, wants_values): (values, None, False) if these are wanted and all are plain; "
     "else (None, objects, whether one is an error): each a `type` of (Buffer, metadata, None) or an ordinary tuple of "
     "(None, None, error)."},
    {"wait_now", (PyCFunction)(void (*)(void))wait_now, METH_FASTCALL,
     "wait_now(references, wanted, fetch): the first that are ready and the others, if so many are and it is a list; "
     "else None."},
    {"wait", wait_for, METH_VARARGS, "wait(references, wanted, milliseconds, task, fetch): a byte for each, 1 if ready."},
    {"divide", divide, METH_VARARGS, "divide(references, flags, limit): those that are ready, and the others."},
    {"notify", notify, METH_VARARGS, "notify(reference, fetch, number): `next_event` gives the number when it is there."},
    {"next_event", next_event, METH_VARARGS, "The next number; 0 after so many ms, -1 when the runtime is closed."},
    {NULL, NULL, 0, NULL},
};
