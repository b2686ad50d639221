package kube

import (
	"cmp"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Kinds are those that every cluster has.
func Kinds() []Kind {
	core, apps := corev1.SchemeGroupVersion, appsv1.SchemeGroupVersion
	all := []string{"all"}
	return append(roleKinds(), []Kind{
		{GroupVersion: core, Kind: "Namespace", Resource: "namespaces", Short: []string{"ns"}, Object: &corev1.Namespace{}, List: &corev1.NamespaceList{}, Status: true, Default: defaultNamespace, Columns: namespaceColumns()},
		{GroupVersion: core, Kind: "Node", Resource: "nodes", Short: []string{"no"}, Object: &corev1.Node{}, List: &corev1.NodeList{}, Status: true, Columns: nodeColumns()},
		{
			GroupVersion: core, Kind: "Pod", Resource: "pods", Short: []string{"po"}, Namespaced: true, Object: &corev1.Pod{}, List: &corev1.PodList{}, Status: true, Categories: all,
			Columns: podColumns(), Default: defaultPod, Valid: validPod, Grace: podGrace,
			Fields: map[string]func(runtime.Object) string{
				"spec.nodeName":      func(o runtime.Object) string { return o.(*corev1.Pod).Spec.NodeName },
				"spec.restartPolicy": func(o runtime.Object) string { return string(o.(*corev1.Pod).Spec.RestartPolicy) },
				"status.phase":       func(o runtime.Object) string { return string(o.(*corev1.Pod).Status.Phase) },
				"status.podIP":       func(o runtime.Object) string { return o.(*corev1.Pod).Status.PodIP },
			},
		},
		{GroupVersion: core, Kind: "Service", Resource: "services", Short: []string{"svc"}, Namespaced: true, Object: &corev1.Service{}, List: &corev1.ServiceList{}, Status: true, Categories: all, Columns: serviceColumns()},
		{GroupVersion: core, Kind: "ConfigMap", Resource: "configmaps", Short: []string{"cm"}, Namespaced: true, Object: &corev1.ConfigMap{}, List: &corev1.ConfigMapList{}, Columns: []Column{{Name: "Data", Value: func(o runtime.Object) any { return len(o.(*corev1.ConfigMap).Data) }}}},
		{GroupVersion: core, Kind: "Secret", Resource: "secrets", Namespaced: true, Object: &corev1.Secret{}, List: &corev1.SecretList{}, Default: defaultSecret, Columns: []Column{
			{Name: "Type", Value: func(o runtime.Object) any { return string(o.(*corev1.Secret).Type) }},
			{Name: "Data", Value: func(o runtime.Object) any { return len(o.(*corev1.Secret).Data) }},
		}},
		{GroupVersion: core, Kind: "ServiceAccount", Resource: "serviceaccounts", Short: []string{"sa"}, Namespaced: true, Object: &corev1.ServiceAccount{}, List: &corev1.ServiceAccountList{}},
		{GroupVersion: core, Kind: "PersistentVolume", Resource: "persistentvolumes", Short: []string{"pv"}, Object: &corev1.PersistentVolume{}, List: &corev1.PersistentVolumeList{}, Status: true, Columns: volumeColumns()},
		{GroupVersion: core, Kind: "PersistentVolumeClaim", Resource: "persistentvolumeclaims", Short: []string{"pvc"}, Namespaced: true, Object: &corev1.PersistentVolumeClaim{}, List: &corev1.PersistentVolumeClaimList{}, Status: true, Columns: claimColumns()},
		{GroupVersion: core, Kind: "ResourceQuota", Resource: "resourcequotas", Short: []string{"quota"}, Namespaced: true, Object: &corev1.ResourceQuota{}, List: &corev1.ResourceQuotaList{}, Status: true, Columns: quotaColumns(), Valid: validQuota},
		{GroupVersion: core, Kind: "LimitRange", Resource: "limitranges", Short: []string{"limits"}, Namespaced: true, Object: &corev1.LimitRange{}, List: &corev1.LimitRangeList{}, Bare: true, Columns: madeColumns(), Default: defaultLimits, Valid: validLimits},
		{GroupVersion: core, Kind: "Event", Resource: "events", Short: []string{"ev"}, Namespaced: true, Object: &corev1.Event{}, List: &corev1.EventList{}, Columns: eventColumns(), Bare: true, Fields: eventFields()},
		{GroupVersion: apps, Kind: "Deployment", Resource: "deployments", Short: []string{"deploy"}, Namespaced: true, Object: &appsv1.Deployment{}, List: &appsv1.DeploymentList{}, Status: true, Scale: true, Categories: all, Columns: deploymentColumns(), Default: defaultDeployment, Valid: validDeployment},
		{GroupVersion: apps, Kind: "ReplicaSet", Resource: "replicasets", Short: []string{"rs"}, Namespaced: true, Object: &appsv1.ReplicaSet{}, List: &appsv1.ReplicaSetList{}, Status: true, Scale: true, Categories: all, Columns: replicaSetColumns(), Default: defaultReplicaSet},
		{GroupVersion: apps, Kind: "StatefulSet", Resource: "statefulsets", Short: []string{"sts"}, Namespaced: true, Object: &appsv1.StatefulSet{}, List: &appsv1.StatefulSetList{}, Status: true, Scale: true, Categories: all, Columns: statefulSetColumns(), Default: defaultStatefulSet},
		{GroupVersion: apps, Kind: "DaemonSet", Resource: "daemonsets", Short: []string{"ds"}, Namespaced: true, Object: &appsv1.DaemonSet{}, List: &appsv1.DaemonSetList{}, Status: true, Categories: all, Columns: daemonSetColumns(), Default: defaultDaemonSet},
		{GroupVersion: apps, Kind: "ControllerRevision", Resource: "controllerrevisions", Namespaced: true, Object: &appsv1.ControllerRevision{}, List: &appsv1.ControllerRevisionList{}, Columns: revisionColumns()},
		{GroupVersion: batchv1.SchemeGroupVersion, Kind: "Job", Resource: "jobs", Namespaced: true, Object: &batchv1.Job{}, List: &batchv1.JobList{}, Status: true, Categories: all, Columns: jobColumns(), Default: defaultJob},
		{GroupVersion: batchv1.SchemeGroupVersion, Kind: "CronJob", Resource: "cronjobs", Short: []string{"cj"}, Namespaced: true, Object: &batchv1.CronJob{}, List: &batchv1.CronJobList{}, Status: true, Categories: all, Columns: cronJobColumns(), Default: defaultCronJob, Valid: validCronJob},
		{GroupVersion: autoscalingv2.SchemeGroupVersion, Kind: "HorizontalPodAutoscaler", Resource: "horizontalpodautoscalers", Short: []string{"hpa"}, Namespaced: true, Object: &autoscalingv2.HorizontalPodAutoscaler{}, List: &autoscalingv2.HorizontalPodAutoscalerList{}, Status: true, Categories: all, Columns: autoscalerColumns(), Default: defaultAutoscaler, Valid: validAutoscaler},
		{GroupVersion: policyv1.SchemeGroupVersion, Kind: "PodDisruptionBudget", Resource: "poddisruptionbudgets", Short: []string{"pdb"}, Namespaced: true, Object: &policyv1.PodDisruptionBudget{}, List: &policyv1.PodDisruptionBudgetList{}, Status: true, Columns: budgetColumns()},
		{GroupVersion: coordinationv1.SchemeGroupVersion, Kind: "Lease", Resource: "leases", Namespaced: true, Object: &coordinationv1.Lease{}, List: &coordinationv1.LeaseList{}, Columns: []Column{ColumnOf("Holder", func(l *coordinationv1.Lease) any { return deref(l.Spec.HolderIdentity) })}},
		{GroupVersion: discoveryv1.SchemeGroupVersion, Kind: "EndpointSlice", Resource: "endpointslices", Namespaced: true, Object: &discoveryv1.EndpointSlice{}, List: &discoveryv1.EndpointSliceList{}},
		{GroupVersion: networkingv1.SchemeGroupVersion, Kind: "Ingress", Resource: "ingresses", Short: []string{"ing"}, Namespaced: true, Object: &networkingv1.Ingress{}, List: &networkingv1.IngressList{}, Status: true},
		{GroupVersion: storagev1.SchemeGroupVersion, Kind: "StorageClass", Resource: "storageclasses", Short: []string{"sc"}, Object: &storagev1.StorageClass{}, List: &storagev1.StorageClassList{}},
	}...)
}

func set[T comparable](to *T, value T) {
	var zero T
	if *to == zero {
		*to = value
	}
}

func deref[T any](of *T) (value T) {
	if of != nil {
		value = *of
	}
	return value
}

func some[T any](to **T, value T) {
	if *to == nil {
		*to = &value
	}
}

func defaultNamespace(obj runtime.Object) {
	ns := obj.(*corev1.Namespace)
	set(&ns.Status.Phase, corev1.NamespaceActive)
	if ns.Labels == nil {
		ns.Labels = map[string]string{}
	}
	ns.Labels[corev1.LabelMetadataName] = ns.Name
}

// DefaultTemplate fills in what was left out of a template, as the server does.
func DefaultTemplate(t *corev1.PodTemplateSpec) { defaultPodSpec(&t.Spec) }

func defaultPodSpec(s *corev1.PodSpec) {
	set(&s.RestartPolicy, corev1.RestartPolicyAlways)
	set(&s.DNSPolicy, corev1.DNSClusterFirst)
	set(&s.SchedulerName, corev1.DefaultSchedulerName)
	some(&s.TerminationGracePeriodSeconds, 30)
	if s.SecurityContext == nil {
		s.SecurityContext = &corev1.PodSecurityContext{}
	}
	some(&s.EnableServiceLinks, true)
	for i := range s.Containers {
		c := &s.Containers[i]
		set(&c.TerminationMessagePath, corev1.TerminationMessagePathDefault)
		set(&c.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
		pull := corev1.PullIfNotPresent
		if !strings.Contains(c.Image, ":") || strings.HasSuffix(c.Image, ":latest") {
			pull = corev1.PullAlways
		}
		set(&c.ImagePullPolicy, pull)
		for j := range c.Ports {
			set(&c.Ports[j].Protocol, corev1.ProtocolTCP)
		}
	}
}

func defaultPod(obj runtime.Object) {
	p := obj.(*corev1.Pod)
	defaultPodSpec(&p.Spec)
	set(&p.Status.Phase, corev1.PodPending)
	set(&p.Status.QOSClass, qos(p))
	some(&p.Spec.Priority, 0)
	for _, t := range []string{corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable} {
		p.Spec.Tolerations = tolerate(p.Spec.Tolerations, t)
	}
}

// tolerate lets a pod stay for a while on a node that is not ready, as the admission
// of the real server does.
func tolerate(all []corev1.Toleration, taint string) []corev1.Toleration {
	for _, t := range all {
		if t.Key == taint || t.Key == "" && t.Operator == corev1.TolerationOpExists {
			return all
		}
	}
	seconds := int64(300)
	return append(all, corev1.Toleration{Key: taint, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &seconds})
}

func qos(p *corev1.Pod) corev1.PodQOSClass {
	some, all := false, true
	for _, c := range p.Spec.Containers {
		some = some || len(c.Resources.Requests)+len(c.Resources.Limits) > 0
		for _, r := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			request, asked := c.Resources.Requests[r]
			limit, limited := c.Resources.Limits[r]
			all = all && limited && (!asked || request.Cmp(limit) == 0)
		}
	}
	switch {
	case !some:
		return corev1.PodQOSBestEffort
	case all:
		return corev1.PodQOSGuaranteed
	}
	return corev1.PodQOSBurstable
}

// podGrace is how long a pod is given to end: none where nothing of it runs.
func podGrace(obj runtime.Object) int64 {
	p := obj.(*corev1.Pod)
	if p.Spec.NodeName == "" || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed || p.Spec.TerminationGracePeriodSeconds == nil {
		return 0
	}
	return *p.Spec.TerminationGracePeriodSeconds
}

func defaultDeployment(obj runtime.Object) {
	d := obj.(*appsv1.Deployment)
	some(&d.Spec.Replicas, 1)
	some(&d.Spec.RevisionHistoryLimit, 10)
	some(&d.Spec.ProgressDeadlineSeconds, 600)
	set(&d.Spec.Strategy.Type, appsv1.RollingUpdateDeploymentStrategyType)
	if d.Spec.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType {
		if d.Spec.Strategy.RollingUpdate == nil {
			d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{}
		}
		some(&d.Spec.Strategy.RollingUpdate.MaxSurge, intstr.FromString("25%"))
		some(&d.Spec.Strategy.RollingUpdate.MaxUnavailable, intstr.FromString("25%"))
	}
	defaultPodSpec(&d.Spec.Template.Spec)
}

func defaultReplicaSet(obj runtime.Object) {
	r := obj.(*appsv1.ReplicaSet)
	some(&r.Spec.Replicas, 1)
	defaultPodSpec(&r.Spec.Template.Spec)
}

func defaultStatefulSet(obj runtime.Object) {
	s := obj.(*appsv1.StatefulSet)
	some(&s.Spec.Replicas, 1)
	some(&s.Spec.RevisionHistoryLimit, 10)
	set(&s.Spec.PodManagementPolicy, appsv1.OrderedReadyPodManagement)
	set(&s.Spec.UpdateStrategy.Type, appsv1.RollingUpdateStatefulSetStrategyType)
	if s.Spec.UpdateStrategy.Type == appsv1.RollingUpdateStatefulSetStrategyType {
		if s.Spec.UpdateStrategy.RollingUpdate == nil {
			s.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{}
		}
		some(&s.Spec.UpdateStrategy.RollingUpdate.Partition, 0)
	}
	defaultPodSpec(&s.Spec.Template.Spec)
}

func defaultDaemonSet(obj runtime.Object) {
	d := obj.(*appsv1.DaemonSet)
	some(&d.Spec.RevisionHistoryLimit, 10)
	set(&d.Spec.UpdateStrategy.Type, appsv1.RollingUpdateDaemonSetStrategyType)
	if d.Spec.UpdateStrategy.Type == appsv1.RollingUpdateDaemonSetStrategyType {
		if d.Spec.UpdateStrategy.RollingUpdate == nil {
			d.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{}
		}
		some(&d.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable, intstr.FromInt32(1))
		some(&d.Spec.UpdateStrategy.RollingUpdate.MaxSurge, intstr.FromInt32(0))
	}
	defaultPodSpec(&d.Spec.Template.Spec)
}

func defaultJob(obj runtime.Object) {
	j := obj.(*batchv1.Job)
	some(&j.Spec.Parallelism, 1)
	some(&j.Spec.Completions, 1)
	some(&j.Spec.BackoffLimit, 6)
	defaultPodSpec(&j.Spec.Template.Spec)
}

func validPodSpec(s *corev1.PodSpec, at *field.Path) (out field.ErrorList) {
	if len(s.Containers) == 0 {
		out = append(out, field.Required(at.Child("containers"), ""))
	}
	for i, c := range s.Containers {
		at := at.Child("containers").Index(i)
		if c.Name == "" {
			out = append(out, field.Required(at.Child("name"), ""))
		}
		if strings.TrimSpace(c.Image) == "" {
			out = append(out, field.Required(at.Child("image"), ""))
		}
	}
	return out
}

// validPod lets nothing of a pod be changed but what the real server lets be: its
// images, its deadline, more tolerations.
func validPod(obj, old runtime.Object) field.ErrorList {
	p, at := obj.(*corev1.Pod), field.NewPath("spec")
	out := validPodSpec(&p.Spec, at)
	if old == nil {
		return out
	}
	was := old.(*corev1.Pod).Spec.DeepCopy()
	for i := range was.Containers {
		if i < len(p.Spec.Containers) {
			was.Containers[i].Image = p.Spec.Containers[i].Image
		}
	}
	was.ActiveDeadlineSeconds, was.Tolerations, was.TerminationGracePeriodSeconds = p.Spec.ActiveDeadlineSeconds, p.Spec.Tolerations, p.Spec.TerminationGracePeriodSeconds
	if !apiequality.Semantic.DeepEqual(was, &p.Spec) {
		out = append(out, field.Forbidden(at, "pod updates may not change fields other than `spec.containers[*].image`, `spec.activeDeadlineSeconds`, `spec.tolerations` (only additions to existing tolerations)"))
	}
	return out
}

func defaultSecret(obj runtime.Object) {
	s := obj.(*corev1.Secret)
	s.Type = cmp.Or(s.Type, corev1.SecretTypeOpaque)
	for k, v := range s.StringData { // it is written, never read
		if s.Data == nil {
			s.Data = map[string][]byte{}
		}
		s.Data[k] = []byte(v)
	}
	s.StringData = nil
}

func validDeployment(obj, old runtime.Object) field.ErrorList {
	d, at := obj.(*appsv1.Deployment), field.NewPath("spec")
	out := validPodSpec(&d.Spec.Template.Spec, at.Child("template", "spec"))
	if *d.Spec.Replicas < 0 {
		out = append(out, field.Invalid(at.Child("replicas"), *d.Spec.Replicas, "must be greater than or equal to 0"))
	}
	switch selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector); {
	case d.Spec.Selector == nil:
		out = append(out, field.Required(at.Child("selector"), ""))
	case err != nil:
		out = append(out, field.Invalid(at.Child("selector"), d.Spec.Selector, err.Error()))
	case selector.Empty() || !selector.Matches(labels.Set(d.Spec.Template.Labels)):
		out = append(out, field.Invalid(at.Child("template", "metadata", "labels"), d.Spec.Template.Labels, "`selector` does not match template `labels`"))
	}
	if old != nil && !apiequality.Semantic.DeepEqual(d.Spec.Selector, old.(*appsv1.Deployment).Spec.Selector) {
		out = append(out, field.Invalid(at.Child("selector"), d.Spec.Selector, "field is immutable"))
	}
	return out
}

func eventFields() map[string]func(runtime.Object) string {
	of := func(get func(*corev1.Event) string) func(runtime.Object) string {
		return func(o runtime.Object) string { return get(o.(*corev1.Event)) }
	}
	return map[string]func(runtime.Object) string{
		"involvedObject.kind":            of(func(e *corev1.Event) string { return e.InvolvedObject.Kind }),
		"involvedObject.namespace":       of(func(e *corev1.Event) string { return e.InvolvedObject.Namespace }),
		"involvedObject.name":            of(func(e *corev1.Event) string { return e.InvolvedObject.Name }),
		"involvedObject.uid":             of(func(e *corev1.Event) string { return string(e.InvolvedObject.UID) }),
		"involvedObject.apiVersion":      of(func(e *corev1.Event) string { return e.InvolvedObject.APIVersion }),
		"involvedObject.resourceVersion": of(func(e *corev1.Event) string { return e.InvolvedObject.ResourceVersion }),
		"involvedObject.fieldPath":       of(func(e *corev1.Event) string { return e.InvolvedObject.FieldPath }),
		"reason":                         of(func(e *corev1.Event) string { return e.Reason }),
		"reportingComponent":             of(func(e *corev1.Event) string { return e.ReportingController }),
		"source":                         of(func(e *corev1.Event) string { return e.Source.Component }),
		"type":                           of(func(e *corev1.Event) string { return e.Type }),
	}
}
