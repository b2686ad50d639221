package kube

import (
	"cmp"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Kinds are those that every cluster has.
func Kinds() []Kind {
	core, apps := corev1.SchemeGroupVersion, appsv1.SchemeGroupVersion
	all := []string{"all"}
	return append(roleKinds(), []Kind{
		{GroupVersion: core, Kind: "Namespace", Resource: "namespaces", Short: []string{"ns"}, Object: &corev1.Namespace{}, List: &corev1.NamespaceList{}, Status: true, Default: defaultNamespace, Columns: namespaceColumns(), Called: apivalidation.NameIsDNSLabel},
		{GroupVersion: core, Kind: "Node", Resource: "nodes", Short: []string{"no"}, Object: &corev1.Node{}, List: &corev1.NodeList{}, Status: true, Columns: nodeColumns(), Bare: true},
		{
			GroupVersion: core, Kind: "Pod", Resource: "pods", Short: []string{"po"}, Namespaced: true, Object: &corev1.Pod{}, List: &corev1.PodList{}, Status: true, Categories: all,
			Numbered: true, Columns: podColumns(), Default: defaultPod, Valid: validPod, Grace: podGrace,
			Fields: map[string]func(runtime.Object) string{
				"spec.nodeName":      func(o runtime.Object) string { return o.(*corev1.Pod).Spec.NodeName },
				"spec.restartPolicy": func(o runtime.Object) string { return string(o.(*corev1.Pod).Spec.RestartPolicy) },
				"status.phase":       func(o runtime.Object) string { return string(o.(*corev1.Pod).Status.Phase) },
				"status.podIP":       func(o runtime.Object) string { return o.(*corev1.Pod).Status.PodIP },
			},
		},
		{GroupVersion: core, Kind: "Service", Resource: "services", Short: []string{"svc"}, Namespaced: true, Object: &corev1.Service{}, List: &corev1.ServiceList{}, Status: true, Categories: all, Columns: serviceColumns(), Default: defaultService, Called: apivalidation.NameIsDNSLabel, Valid: validService},
		{GroupVersion: core, Kind: "ConfigMap", Resource: "configmaps", Short: []string{"cm"}, Namespaced: true, Object: &corev1.ConfigMap{}, List: &corev1.ConfigMapList{}, Columns: []Column{{Name: "Data", Value: func(o runtime.Object) any {
			return len(o.(*corev1.ConfigMap).Data) + len(o.(*corev1.ConfigMap).BinaryData)
		}}}, Valid: validConfig},
		{GroupVersion: core, Kind: "Secret", Resource: "secrets", Namespaced: true, Object: &corev1.Secret{}, List: &corev1.SecretList{}, Default: defaultSecret, Valid: validSecret, Columns: []Column{
			{Name: "Type", Value: func(o runtime.Object) any { return string(o.(*corev1.Secret).Type) }},
			{Name: "Data", Value: func(o runtime.Object) any { return len(o.(*corev1.Secret).Data) }},
		}},
		{GroupVersion: core, Kind: "ServiceAccount", Resource: "serviceaccounts", Short: []string{"sa"}, Namespaced: true, Object: &corev1.ServiceAccount{}, List: &corev1.ServiceAccountList{}},
		{GroupVersion: core, Kind: "PersistentVolume", Resource: "persistentvolumes", Short: []string{"pv"}, Object: &corev1.PersistentVolume{}, List: &corev1.PersistentVolumeList{}, Status: true, Columns: volumeColumns(), Default: defaultVolumeObject},
		{GroupVersion: core, Kind: "PersistentVolumeClaim", Resource: "persistentvolumeclaims", Short: []string{"pvc"}, Namespaced: true, Object: &corev1.PersistentVolumeClaim{}, List: &corev1.PersistentVolumeClaimList{}, Status: true, Columns: claimColumns(), Default: defaultClaim, Valid: validClaim},
		{GroupVersion: core, Kind: "ResourceQuota", Resource: "resourcequotas", Short: []string{"quota"}, Namespaced: true, Object: &corev1.ResourceQuota{}, List: &corev1.ResourceQuotaList{}, Status: true, Columns: quotaColumns(), Valid: validQuota},
		{GroupVersion: core, Kind: "LimitRange", Resource: "limitranges", Short: []string{"limits"}, Namespaced: true, Object: &corev1.LimitRange{}, List: &corev1.LimitRangeList{}, Bare: true, Columns: madeColumns(), Default: defaultLimits, Valid: validLimits},
		{GroupVersion: core, Kind: "Event", Resource: "events", Short: []string{"ev"}, Namespaced: true, Object: &corev1.Event{}, List: &corev1.EventList{}, Columns: eventColumns(), Bare: true, Fields: eventFields(), Called: anything},
		{GroupVersion: apps, Kind: "Deployment", Resource: "deployments", Short: []string{"deploy"}, Namespaced: true, Numbered: true, Object: &appsv1.Deployment{}, List: &appsv1.DeploymentList{}, Status: true, Scale: true, Categories: all, Columns: deploymentColumns(), Default: defaultDeployment, Valid: validDeployment},
		{GroupVersion: apps, Kind: "ReplicaSet", Resource: "replicasets", Short: []string{"rs"}, Namespaced: true, Numbered: true, Object: &appsv1.ReplicaSet{}, List: &appsv1.ReplicaSetList{}, Status: true, Scale: true, Categories: all, Columns: replicaSetColumns(), Default: defaultReplicaSet, Valid: validReplicaSet},
		{GroupVersion: apps, Kind: "StatefulSet", Resource: "statefulsets", Short: []string{"sts"}, Namespaced: true, Numbered: true, Object: &appsv1.StatefulSet{}, List: &appsv1.StatefulSetList{}, Status: true, Scale: true, Categories: all, Columns: statefulSetColumns(), Default: defaultStatefulSet, Called: apivalidation.NameIsDNSLabel, Valid: validStatefulSet},
		{GroupVersion: apps, Kind: "DaemonSet", Resource: "daemonsets", Short: []string{"ds"}, Namespaced: true, Numbered: true, Object: &appsv1.DaemonSet{}, List: &appsv1.DaemonSetList{}, Status: true, Categories: all, Columns: daemonSetColumns(), Default: defaultDaemonSet, Valid: validDaemonSet},
		{GroupVersion: apps, Kind: "ControllerRevision", Resource: "controllerrevisions", Namespaced: true, Object: &appsv1.ControllerRevision{}, List: &appsv1.ControllerRevisionList{}, Columns: revisionColumns()},
		{GroupVersion: batchv1.SchemeGroupVersion, Kind: "Job", Resource: "jobs", Namespaced: true, Numbered: true, Object: &batchv1.Job{}, List: &batchv1.JobList{}, Status: true, Categories: all, Columns: jobColumns(), Default: defaultJob, Valid: validJob},
		{GroupVersion: batchv1.SchemeGroupVersion, Kind: "CronJob", Resource: "cronjobs", Short: []string{"cj"}, Namespaced: true, Numbered: true, Object: &batchv1.CronJob{}, List: &batchv1.CronJobList{}, Status: true, Categories: all, Columns: cronJobColumns(), Default: defaultCronJob, Valid: validCronJob},
		{GroupVersion: autoscalingv2.SchemeGroupVersion, Kind: "HorizontalPodAutoscaler", Resource: "horizontalpodautoscalers", Short: []string{"hpa"}, Namespaced: true, Object: &autoscalingv2.HorizontalPodAutoscaler{}, List: &autoscalingv2.HorizontalPodAutoscalerList{}, Status: true, Categories: all, Columns: autoscalerColumns(), Default: defaultAutoscaler, Valid: validAutoscaler},
		{GroupVersion: policyv1.SchemeGroupVersion, Kind: "PodDisruptionBudget", Resource: "poddisruptionbudgets", Short: []string{"pdb"}, Namespaced: true, Numbered: true, Object: &policyv1.PodDisruptionBudget{}, List: &policyv1.PodDisruptionBudgetList{}, Status: true, Columns: budgetColumns(), Called: anything, Valid: validBudget},
		{GroupVersion: coordinationv1.SchemeGroupVersion, Kind: "Lease", Resource: "leases", Namespaced: true, Object: &coordinationv1.Lease{}, List: &coordinationv1.LeaseList{}, Columns: []Column{ColumnOf("Holder", func(l *coordinationv1.Lease) any { return deref(l.Spec.HolderIdentity) })}},
		{GroupVersion: discoveryv1.SchemeGroupVersion, Kind: "EndpointSlice", Resource: "endpointslices", Namespaced: true, Numbered: true, Object: &discoveryv1.EndpointSlice{}, List: &discoveryv1.EndpointSliceList{}, Default: defaultSlice, Columns: sliceColumns()},
		{GroupVersion: networkingv1.SchemeGroupVersion, Kind: "Ingress", Resource: "ingresses", Short: []string{"ing"}, Namespaced: true, Numbered: true, Object: &networkingv1.Ingress{}, List: &networkingv1.IngressList{}, Status: true, Columns: ingressColumns(), Valid: validIngress},
		{GroupVersion: storagev1.SchemeGroupVersion, Kind: "StorageClass", Resource: "storageclasses", Short: []string{"sc"}, Object: &storagev1.StorageClass{}, List: &storagev1.StorageClassList{}, Default: defaultClass, Columns: classColumns(), Bare: true, Valid: validClass},
	}...)
}

// anything is the rule for names that have none, but that they can stand in a path.
func anything(string, bool) []string { return nil }

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
	if ns.Spec.Finalizers == nil {
		ns.Spec.Finalizers = []corev1.FinalizerName{corev1.FinalizerKubernetes}
	}
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
	set(&s.DeprecatedServiceAccount, s.ServiceAccountName)
	set(&s.ServiceAccountName, s.DeprecatedServiceAccount)
	for i := range s.InitContainers {
		defaultContainer(&s.InitContainers[i])
	}
	for i := range s.Containers {
		defaultContainer(&s.Containers[i])
	}
	for i := range s.Volumes {
		defaultVolume(&s.Volumes[i])
	}
}

func defaultPod(obj runtime.Object) {
	p := obj.(*corev1.Pod)
	defaultPodSpec(&p.Spec)
	defaultAsks(p.Spec.InitContainers)
	defaultAsks(p.Spec.Containers)
	some(&p.Spec.EnableServiceLinks, true)
	some(&p.Spec.PreemptionPolicy, corev1.PreemptLowerPriority)
	set(&p.Spec.ServiceAccountName, "default")
	set(&p.Spec.DeprecatedServiceAccount, p.Spec.ServiceAccountName)
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
	if s.Spec.PersistentVolumeClaimRetentionPolicy == nil {
		s.Spec.PersistentVolumeClaimRetentionPolicy = &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{}
	}
	set(&s.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted, appsv1.RetainPersistentVolumeClaimRetentionPolicyType)
	set(&s.Spec.PersistentVolumeClaimRetentionPolicy.WhenScaled, appsv1.RetainPersistentVolumeClaimRetentionPolicyType)
	for i := range s.Spec.VolumeClaimTemplates {
		t := &s.Spec.VolumeClaimTemplates[i]
		t.APIVersion, t.Kind = "v1", "PersistentVolumeClaim"
		defaultClaimTemplate(t)
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
