package kube

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	quota "k8s.io/apiserver/pkg/quota/v1"
)

// limited is where a pod says what was filled in.
const limited = "kubernetes.io/limit-ranger"

func defaultLimits(obj runtime.Object) {
	limits := obj.(*corev1.LimitRange).Spec.Limits
	for i := range limits {
		l := &limits[i]
		if l.Type != corev1.LimitTypeContainer {
			continue
		}
		l.Default = completed(l.Default, l.Max)
		l.DefaultRequest = completed(completed(l.DefaultRequest, l.Default), l.Min)
	}
}

// completed is a list with what it lacks of another.
func completed(l, with corev1.ResourceList) corev1.ResourceList {
	out := corev1.ResourceList{}
	maps.Copy(out, with)
	maps.Copy(out, l)
	return out
}

func validLimits(obj, _ runtime.Object) (out field.ErrorList) {
	seen := map[corev1.LimitType]bool{}
	for i, l := range obj.(*corev1.LimitRange).Spec.Limits {
		at := field.NewPath("spec", "limits").Index(i)
		if seen[l.Type] {
			out = append(out, field.Duplicate(at.Child("type"), l.Type))
		}
		seen[l.Type] = true
		switch l.Type {
		case corev1.LimitTypeContainer:
		case corev1.LimitTypePod:
			for name, given := range map[string]corev1.ResourceList{"default": l.Default, "defaultRequest": l.DefaultRequest} {
				if len(given) > 0 {
					out = append(out, field.Forbidden(at.Child(name), "may not be specified when `type` is 'Pod'"))
				}
			}
		case corev1.LimitTypePersistentVolumeClaim:
			_, least := l.Min[corev1.ResourceStorage]
			_, most := l.Max[corev1.ResourceStorage]
			if !least && !most {
				out = append(out, field.Required(at.Child("limits"), "either minimum or maximum storage value is required, but neither was provided"))
			}
		default:
			if !strings.Contains(string(l.Type), "/") {
				out = append(out, field.Invalid(at.Child("type"), l.Type, "must be a standard limit type or fully qualified"))
			}
		}
		out = append(out, ordered(l, at)...)
	}
	return out
}

// ordered refuses limits of which the smaller is the larger.
func ordered(l corev1.LimitRangeItem, at *field.Path) (out field.ErrorList) {
	type bound struct {
		of         corev1.ResourceList
		name, says string
	}
	least, most := bound{l.Min, "min", "min value"}, bound{l.Max, "max", "max value"}
	request, limit := bound{l.DefaultRequest, "defaultRequest", "default request value"}, bound{l.Default, "default", "default value"}
	all := completed(completed(l.Min, l.Max), completed(l.Default, l.DefaultRequest))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		check := func(small, large bound, in string) {
			s, has := small.of[name]
			b, too := large.of[name]
			if has && too && s.Cmp(b) > 0 {
				out = append(out, field.Invalid(at.Child(in).Key(string(name)), s.String(), fmt.Sprintf("%s %s is greater than %s %s", small.says, s.String(), large.says, b.String())))
			}
		}
		check(least, most, "min")
		check(least, request, "defaultRequest")
		check(request, most, "defaultRequest")
		check(request, bound{l.Default, "default", "default limit value"}, "defaultRequest")
		check(least, limit, "default")
		check(limit, most, "default")
	}
	return out
}

// limits fills in what a pod does not say of what it needs, as its namespace has it, and
// refuses one that needs more, or less, than may be; a claim the same.
func (c *Cluster) limits(k Kind, obj runtime.Object) error {
	for _, r := range All[*corev1.LimitRange](c, metaOf(obj).GetNamespace()) {
		var wrong []error
		switch o := obj.(type) {
		case *corev1.Pod:
			fillIn(o, r)
			wrong = beyond(o, r)
		case *corev1.PersistentVolumeClaim:
			for _, l := range r.Spec.Limits {
				if l.Type == corev1.LimitTypePersistentVolumeClaim {
					wrong = append(wrong, within(l, o.Spec.Resources.Requests, nil)...)
				}
			}
		}
		if len(wrong) > 0 {
			return k.forbidden(obj, utilerrors.NewAggregate(wrong))
		}
	}
	return nil
}

func fillIn(p *corev1.Pod, r *corev1.LimitRange) {
	var notes []string
	for _, l := range r.Spec.Limits {
		if l.Type != corev1.LimitTypeContainer {
			continue
		}
		for i := range p.Spec.Containers {
			one := &p.Spec.Containers[i]
			asks := completed(one.Resources.Requests, one.Resources.Limits) // who limits only asks for that much
			for _, part := range []struct {
				name string
				has  corev1.ResourceList
				into *corev1.ResourceList
				with corev1.ResourceList
			}{{"request", asks, &one.Resources.Requests, l.DefaultRequest}, {"limit", one.Resources.Limits, &one.Resources.Limits, l.Default}} {
				*part.into = completed(part.has, part.with)
				if names := quota.Difference(quota.ResourceNames(*part.into), quota.ResourceNames(part.has)); len(names) > 0 {
					notes = append(notes, fmt.Sprintf("%s %s for container %s", strings.Join(quota.ToSet(names).List(), ", "), part.name, one.Name))
				}
			}
		}
	}
	if len(notes) > 0 {
		p.Annotations = Copied(p.Annotations)
		p.Annotations[limited] = "LimitRanger plugin set: " + strings.Join(notes, "; ")
	}
}

// beyond is what a pod and its containers have too much, or too little, of.
func beyond(p *corev1.Pod, r *corev1.LimitRange) (out []error) {
	for _, l := range r.Spec.Limits {
		asks, may := corev1.ResourceList{}, corev1.ResourceList{}
		for _, one := range p.Spec.Containers {
			asks, may = quota.Add(asks, one.Resources.Requests), quota.Add(may, one.Resources.Limits)
			if l.Type == corev1.LimitTypeContainer {
				out = append(out, within(l, one.Resources.Requests, one.Resources.Limits)...)
			}
		}
		if l.Type == corev1.LimitTypePod {
			out = append(out, within(l, asks, may)...)
		}
	}
	return out
}

// within is what is not within a limit. A claim asks only, and may have what it asks for.
func within(l corev1.LimitRangeItem, asks, may corev1.ResourceList) (out []error) {
	claim := l.Type == corev1.LimitTypePersistentVolumeClaim
	say := func(bound string, name corev1.ResourceName, is resource.Quantity, why string) {
		out = append(out, fmt.Errorf("%s %s usage per %s is %s%s", bound, name, l.Type, is.String(), why))
	}
	for _, name := range slices.Sorted(maps.Keys(l.Min)) {
		least := l.Min[name]
		ask, asked := asks[name]
		limit, limits := may[name]
		switch {
		case !asked:
			say("minimum", name, least, ".  No request is specified")
		case ask.Cmp(least) < 0:
			say("minimum", name, least, ", but request is "+ask.String())
		case limits && limit.Cmp(least) < 0:
			say("minimum", name, least, ", but limit is "+limit.String())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.Max)) {
		most := l.Max[name]
		ask, asked := asks[name]
		limit, limits := may[name]
		switch {
		case claim && !asked:
			say("maximum", name, most, ".  No request is specified")
		case !claim && !limits:
			say("maximum", name, most, ".  No limit is specified")
		case limits && limit.Cmp(most) > 0:
			say("maximum", name, most, ", but limit is "+limit.String())
		case asked && ask.Cmp(most) > 0:
			say("maximum", name, most, ", but request is "+ask.String())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.MaxLimitRequestRatio)) {
		most := l.MaxLimitRequestRatio[name]
		ask, limit := asks[name], may[name]
		begin := fmt.Sprintf("%s max limit to request ratio per %s is %s, but ", name, l.Type, most.String())
		switch ratio := limit.AsApproximateFloat64() / ask.AsApproximateFloat64(); {
		case ask.IsZero():
			out = append(out, errors.New(begin+"no request is specified or request is 0"))
		case limit.IsZero():
			out = append(out, errors.New(begin+"no limit is specified or limit is 0"))
		case ratio > most.AsApproximateFloat64():
			out = append(out, fmt.Errorf("%sprovided ratio is %f", begin, ratio))
		}
	}
	return out
}
